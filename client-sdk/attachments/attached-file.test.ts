import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { HomeserverApi } from '../api/homeserver-api.ts';
import { type Answer, startHomeserver } from '../testing/start-homeserver.ts';
import { attachedFile } from './attached-file.ts';

const content = { file: { url: 'mxc://b.example/abc' } };
const tokens = { accessToken: 'secret', refreshToken: null };

const start = async (t: Test, answer: (url: string) => Answer) => {
  const homeserver = await startHomeserver(t, ({ url }) => answer(url));
  return { ...homeserver, api: new HomeserverApi({ baseUrl: homeserver.baseUrl, tokens }) };
};
const bytesOf = async (api: HomeserverApi): Promise<string> =>
  text((await attachedFile.download(api, content)).ciphertext);

t.test('a homeserver that keeps files for everybody is asked in the older way', async (t) => {
  const unknown = { status: 404, body: { errcode: 'M_UNRECOGNIZED' } };
  const { api, asked } = await start(t, (url) =>
    url.startsWith('/_matrix/client/v1/media/') ? unknown : { text: 'ciphertext' },
  );
  t.equal(await bytesOf(api), 'ciphertext');
  t.match(asked[1], { url: '/_matrix/media/v3/download/b.example/abc', token: undefined });
});

t.test('a file that is not there is not asked for in another way', async (t) => {
  const refusal = { status: 404, body: { errcode: 'M_NOT_FOUND' } };
  const { api, asked } = await start(t, () => refusal);
  await t.rejects(bytesOf(api), { message: /M_NOT_FOUND/ });
  t.equal(asked.length, 1);
});

t.test('a file may be kept elsewhere, where the token does not go', async (t) => {
  const store = await start(t, () => ({ text: 'ciphertext' }));
  let location = `${store.baseUrl}/stored`;
  const { api } = await start(t, () => ({ status: 307, headers: { location } }));
  t.equal(await bytesOf(api), 'ciphertext');
  t.match(store.asked, [{ url: '/stored', token: undefined }]);
  for (const nowhere of ['file:///etc/passwd', 'data:,x', 'not a url:', '']) {
    location = nowhere;
    await t.rejects(bytesOf(api), { name: 'RequestError' }, nowhere);
  }
  location = `${(await start(t, () => ({ status: 307, headers: { location } }))).baseUrl}/again`;
  await t.rejects(bytesOf(api), { name: 'RequestError' }, 'one step is enough');
});

t.test('a file larger than the homeserver takes is refused before it is sent', async (t) => {
  let config: Answer = { body: { 'm.upload.size': 99 } };
  const { api, asked } = await start(t, (url) =>
    url.endsWith('/config') ? config : { body: { content_uri: 'mxc://a.example/x' } },
  );
  const file = { bytes: Buffer.alloc(100), name: 'x' };
  await t.rejects(attachedFile.upload(api, file), { code: 'file-too-large' });
  t.notOk(asked.some(({ url }) => url.includes('/upload')));
  const unlimited: Answer[] = [
    { body: { 'm.upload.size': 100 } },
    { body: {} },
    { status: 404, body: { errcode: 'M_UNRECOGNIZED' } },
  ];
  for (const answer of unlimited) {
    config = answer;
    t.match(await attachedFile.upload(api, file), { file: { url: 'mxc://a.example/x' } });
  }
});
