import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import t from 'tap';
import { boundaryOf, readSecondPart } from '../../../media/read-multipart.ts';
import { startTestNetwork } from '../../../testing/start-network.ts';
import type { TestServer, TestUser } from '../../../testing/start-server.ts';

const [here, there] = await startTestNetwork(t, 2);
const alice = await here.register('alice');
const bob = await here.register('bob');
const zoe = await there.register('zoe');

const upload = (
  body: Uint8Array | string,
  { type = 'text/plain', query = '', server = here, user = alice, method = 'POST', path = '' } = {},
) =>
  server.request(method, `/_matrix/media/v3/upload${path}${query}`, {
    token: user.accessToken,
    body,
    headers: { 'content-type': type },
  });

/** The path part of an address: `server/id`. */
const pathOf = ({ body }: { readonly body: { readonly content_uri: string } }) =>
  body.content_uri.slice('mxc://'.length);

const fetchRaw = async (server: TestServer, path: string, user: TestUser | undefined) => {
  const headers = user ? { authorization: `Bearer ${user.accessToken}` } : {};
  const response = await fetch(server.url + path, { headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
};
const download = (path: string, { server = here, user = alice } = {}) =>
  fetchRaw(server, `/_matrix/client/v1/media/download/${path}`, user);
const thumbnail = (path: string, query: string, { server = here, user = alice } = {}) =>
  fetchRaw(server, `/_matrix/client/v1/media/thumbnail/${path}?${query}`, user);
const errcode = ({ bytes }: { readonly bytes: Buffer }) => JSON.parse(bytes.toString()).errcode;

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 90 } } });

t.test('a file comes back as it was, with headers that keep browsers from harm', async (t) => {
  const answer = await upload('hello', { query: '?filename=a%20note.txt' });
  t.match(answer.body, { content_uri: /^mxc:\/\/localhost:\d+\/[A-Za-z0-9_-]{24}$/ });
  const { status, headers, bytes } = await download(pathOf(answer));
  t.equal(status, 200);
  t.equal(bytes.toString(), 'hello');
  for (const [name, value] of [
    ['content-type', 'text/plain'],
    ['content-length', '5'],
    ['content-disposition', 'inline; filename="a note.txt"'],
    ['content-security-policy', /^sandbox; default-src 'none';/],
    ['cross-origin-resource-policy', 'cross-origin'],
    ['x-content-type-options', 'nosniff'],
  ] as const) {
    t.match(headers.get(name), value, name);
  }
  const renamed = await download(`${pathOf(answer)}/${encodeURIComponent('Grüße.txt')}`);
  t.equal(
    renamed.headers.get('content-disposition'),
    "inline; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt",
  );
  const named = await readdir(join(here.dataDir, 'media'), { recursive: true });
  t.notOk(
    named.some((name) => name.includes('note')),
    'nothing of the name is on disk',
  );
});

t.test('what could run in a browser is an attachment', async (t) => {
  for (const [type, disposition, stored] of [
    ['text/html', 'attachment', 'text/html'],
    ['image/svg+xml', 'attachment', 'image/svg+xml'],
    ['IMAGE/PNG; a=b', 'inline', 'IMAGE/PNG; a=b'],
    ['nonsense', 'attachment', 'application/octet-stream'],
  ] as const) {
    const { headers } = await download(pathOf(await upload('<script>', { type })));
    t.equal(headers.get('content-disposition'), disposition, type);
    t.equal(headers.get('content-type'), stored);
  }
});

t.test('a file is for users with a session; the old paths serve nothing', async (t) => {
  const path = pathOf(await upload('secret'));
  const open = await fetchRaw(here, `/_matrix/client/v1/media/download/${path}`, undefined);
  t.equal(open.status, 401);
  t.equal((await download(path, { user: bob })).status, 200);
  for (const old of [
    `download/${path}`,
    `download/${path}/x`,
    `thumbnail/${path}?width=1&height=1`,
  ]) {
    const answer = await fetchRaw(here, `/_matrix/media/v3/${old}`, undefined);
    t.equal(answer.status, 404);
    t.equal(errcode(answer), 'M_NOT_FOUND');
  }
});

t.test('addresses that cannot be are not found', async (t) => {
  const { serverName } = here;
  for (const path of [
    `${serverName}/nothing`,
    `${serverName}/..%2F..%2Fkeys%2Fsigning.key`,
    `${encodeURIComponent('../..')}/x`,
    `${serverName}/a.b`,
  ]) {
    const answer = await download(path);
    t.equal(answer.status, 404, path);
    t.equal(errcode(answer), 'M_NOT_FOUND');
  }
});

t.test('uploads have limits', async (t) => {
  const { db } = here.context;
  for (const path of ['/_matrix/client/v1/media/config', '/_matrix/media/v3/config']) {
    const { body } = await here.request('GET', path, { token: alice.accessToken });
    t.strictSame(body, { 'm.upload.size': 52_428_800 });
  }
  const large = await upload(Buffer.alloc(52_428_801));
  t.match(large, { status: 413, body: { errcode: 'M_TOO_LARGE' } });
  t.match(await upload('x', { query: `?filename=${'x'.repeat(2_000)}` }), {
    status: 400,
    body: { errcode: 'M_INVALID_PARAM' },
  });
  await db.sql
    .insertInto('media')
    .values({
      origin: here.serverName,
      media_id: 'huge',
      uploaded_by: bob.userId,
      size_bytes: 1e12,
      file_name: 'f'.repeat(32),
      created_at: 0,
    })
    .execute();
  t.match(await upload('x', { user: bob }), { status: 403, body: { errcode: 'M_FORBIDDEN' } });
  t.strictSame(await readdir(join(here.dataDir, 'media', 'incoming')), [], 'nothing is left over');
});

t.test('an address is reserved first and filled once, by the same user', async (t) => {
  const create = (user = alice) =>
    here.request('POST', '/_matrix/media/v1/create', { token: user.accessToken });
  const created = await create();
  t.match(created.body, { content_uri: String, unused_expires_at: Number });
  const path = pathOf(created);
  const put = (user = alice, at = path) =>
    upload('late', { method: 'PUT', path: `/${at}`, user, query: '?filename=late.txt' });
  const early = await download(`${path}?timeout_ms=0`);
  t.equal(early.status, 504);
  t.equal(errcode(early), 'M_NOT_YET_UPLOADED');
  const carol = await here.register('carol');
  t.match(await put(carol), { status: 403, body: { errcode: 'M_FORBIDDEN' } });
  const waiting = download(path);
  const [one, other] = await Promise.all([put(), put()]);
  t.strictSame([one.status, other.status].sort(), [200, 409]);
  t.equal((await waiting).bytes.toString(), 'late', 'who waited has it');
  t.match(await put(), { status: 409, body: { errcode: 'M_CANNOT_OVERWRITE_MEDIA' } });
  const unknown = `${here.serverName}/unknown`;
  t.match(await put(alice, unknown), { status: 404, body: { errcode: 'M_NOT_FOUND' } });
  const files = await readdir(join(here.dataDir, 'media'), { recursive: true });
  const rows = await here.context.db.sql
    .selectFrom('media')
    .select('file_name')
    .where('file_name', '<>', 'f'.repeat(32))
    .execute();
  const names = files.map((name) => name.slice(3)).filter((name) => /^[0-9a-f]{32}$/.test(name));
  t.strictSame(names.sort(), rows.map((row) => row.file_name ?? '').sort(), 'no file is orphaned');
});

t.test('reserved addresses expire, and few of them wait', async (t) => {
  const dave = await here.register('dave');
  const create = () =>
    here.request('POST', '/_matrix/media/v1/create', { token: dave.accessToken });
  const path = pathOf(await create());
  const { sql } = here.context.db;
  const age = () =>
    sql
      .updateTable('media')
      .set({ created_at: 1 })
      .where('uploaded_by', '=', dave.userId)
      .execute();
  await age();
  t.match(await upload('x', { method: 'PUT', path: `/${path}`, user: dave }), { status: 404 });
  t.equal((await download(`${path}?timeout_ms=0`)).status, 404);
  for (let count = 0; count < 50; count += 1) await create();
  t.match(await create(), { status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } });
  await age();
  t.equal((await create()).status, 200);
});

t.test('thumbnails', async (t) => {
  const wide = pathOf(
    await upload(await picture(1_000, 500).jpeg().toBuffer(), { type: 'image/jpeg' }),
  );
  const sizeOf = async (bytes: Buffer) => {
    const { width, height, format } = await sharp(bytes).metadata();
    return [width, height, format];
  };

  t.test('are scaled or cut, never smaller than asked for', async (t) => {
    for (const [query, size] of [
      ['width=320&height=240&method=scale', [320, 160, 'jpeg']],
      ['width=32&height=32&method=crop', [32, 32, 'jpeg']],
      ['width=64&height=64&method=crop', [96, 96, 'jpeg']],
      ['width=10&height=10', [32, 16, 'jpeg']],
      ['width=2000&height=2000', [1_000, 500, 'jpeg']],
      ['width=1000&height=500', [1_000, 500, 'jpeg']],
    ] as const) {
      for (const time of ['made', 'kept']) {
        const { bytes, headers } = await thumbnail(wide, query);
        t.strictSame(await sizeOf(bytes), size, `${query} ${time}`);
        t.equal(headers.get('content-type'), 'image/jpeg');
        t.equal(headers.get('content-disposition'), 'inline; filename="thumbnail.jpeg"');
        t.equal(headers.get('content-length'), String(bytes.length));
      }
    }
  });

  t.test('are made once for all who ask at once', async (t) => {
    const asked = Array.from({ length: 5 }, () => thumbnail(wide, 'width=600&height=600'));
    const answers = await Promise.all(asked);
    t.equal(new Set(answers.map(({ bytes }) => bytes.toString('base64'))).size, 1);
  });

  t.test('keep what is transparent, turn as the camera says, and tell nothing else', async (t) => {
    const clear = { width: 200, height: 200, channels: 4, background: '#0000' } as const;
    const png = await sharp({ create: clear }).png().toBuffer();
    const path = pathOf(await upload(png, { type: 'image/png' }));
    const small = await thumbnail(path, 'width=96&height=96');
    t.equal(small.headers.get('content-type'), 'image/png');
    const turned = await picture(400, 200)
      .withExif({ IFD0: { Artist: 'Somebody', Orientation: '6' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const upright = pathOf(await upload(turned, { type: 'image/jpeg' }));
    const { bytes } = await thumbnail(upright, 'width=96&height=96');
    t.strictSame(await sizeOf(bytes), [48, 96, 'jpeg']);
    t.notOk((await sharp(bytes).metadata()).exif);
  });

  t.test('move when that is asked for', async (t) => {
    const background = (r: number) => ({ r, g: 0, b: 0 });
    const frame = (r: number) =>
      sharp({ create: { width: 200, height: 200, channels: 3, background: background(r) } });
    const frames = await Promise.all([0, 120, 240].map((r) => frame(r).png().toBuffer()));
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const path = pathOf(await upload(gif, { type: 'image/gif' }));
    const still = await thumbnail(path, 'width=96&height=96');
    t.equal((await sharp(still.bytes).metadata()).pages ?? 1, 1);
    const moving = await thumbnail(path, 'width=96&height=96&animated=true');
    t.equal(moving.headers.get('content-type'), 'image/webp');
    t.equal((await sharp(moving.bytes, { animated: true }).metadata()).pages, 3);
  });

  t.test('are refused of what is no picture, or too large a one', async (t) => {
    const query = 'width=96&height=96';
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"/>';
    for (const [content, type] of [
      ['no picture', 'image/png'],
      [svg, 'image/png'],
      [svg, 'image/svg+xml'],
    ] as const) {
      const answer = await thumbnail(pathOf(await upload(content, { type })), query);
      t.equal(answer.status, 400, type);
      t.equal(errcode(answer), 'M_UNKNOWN');
    }
    const bomb = await picture(12_000, 12_000).png({ compressionLevel: 9 }).toBuffer();
    const answer = await thumbnail(pathOf(await upload(bomb, { type: 'image/png' })), query);
    t.equal(answer.status, 413);
    t.equal(errcode(answer), 'M_TOO_LARGE');
    t.equal((await thumbnail(wide, 'width=0&height=9')).status, 400);
    t.equal((await thumbnail(wide, 'width=9')).status, 400);
    t.equal((await thumbnail(`${here.serverName}/nothing`, query)).status, 404);
  });
});

t.test('files of another server are fetched once, and kept', async (t) => {
  const png = await picture(300, 300).png().toBuffer();
  const path = pathOf(
    await upload(png, {
      type: 'image/png',
      query: `?filename=${encodeURIComponent('ein "Bild" ü.png')}`,
      server: there,
      user: zoe,
    }),
  );
  const answers = await Promise.all([download(path), download(path, { user: bob })]);
  for (const { status, bytes, headers } of answers) {
    t.equal(status, 200);
    t.ok(bytes.equals(png));
    t.equal(headers.get('content-type'), 'image/png');
    t.match(
      headers.get('content-disposition'),
      "inline; filename*=utf-8''ein%20%22Bild%22%20%C3%BC.png",
    );
  }
  const small = await thumbnail(path, 'width=32&height=32');
  t.equal((await sharp(small.bytes).metadata()).width, 32);
  const { status, headers, body } = await here.context.federation.client.stream({
    destination: there.serverName,
    method: 'GET',
    path: `/_matrix/federation/v1/media/thumbnail/${path.split('/')[1]}`,
    query: { width: 32, height: 32, method: 'crop' },
  });
  t.equal(status, 200);
  const part = await readSecondPart(body, boundaryOf(headers['content-type']) ?? '');
  t.equal(part.headers.get('content-type'), 'image/jpeg');
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.body) chunks.push(chunk);
  t.equal((await sharp(Buffer.concat(chunks)).metadata()).height, 32);
  const bomb = await picture(12_000, 12_000).png({ compressionLevel: 9 }).toBuffer();
  const far = { type: 'image/png', server: there, user: zoe };
  const huge = await thumbnail(pathOf(await upload(bomb, far)), 'width=96&height=96');
  t.equal(huge.status, 502);
  t.equal(errcode(huge), 'M_TOO_LARGE');
  const missing = await download(`${there.serverName}/nothing`);
  t.equal(missing.status, 404);
  t.equal(errcode(missing), 'M_NOT_FOUND');
  await there.stop();
  t.equal((await download(path)).status, 200, 'the copy is served without its server');
  const gone = await download(`${there.serverName}/other`);
  t.equal(gone.status, 502);
  t.equal(errcode(gone), 'M_CONNECTION_FAILED');
});

t.test('files survive a restart byte by byte; half of one does not', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 251));
  const path = pathOf(await upload(bytes, { type: 'application/octet-stream' }));
  const incoming = join(here.dataDir, 'media', 'incoming');
  await writeFile(join(incoming, 'half'), 'half');
  await here.restart();
  t.strictSame(await readdir(incoming), []);
  const { bytes: again } = await download(path);
  t.ok(again.equals(bytes));
  await rm(join(here.dataDir, 'media'), { recursive: true });
  const lost = await download(path);
  t.equal(lost.status, 404);
  t.equal(errcode(lost), 'M_NOT_FOUND');
});
