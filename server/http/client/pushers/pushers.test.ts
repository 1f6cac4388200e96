import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');

const set = (body: unknown, user: TestUser = alice) =>
  server.request('POST', '/_matrix/client/v3/pushers/set', { token: user.accessToken, body });
const list = async (user: TestUser = alice) =>
  (await server.request('GET', '/_matrix/client/v3/pushers', { token: user.accessToken })).body
    .pushers;

const pusher = {
  pushkey: 'abc',
  kind: 'http',
  app_id: 'org.example.app',
  app_display_name: 'Example',
  device_display_name: 'Phone',
  lang: 'en',
  data: { url: 'https://push.example.org/_matrix/push/v1/notify', format: 'event_id_only', x: 1 },
};

t.test('a pusher is added, changed and removed', async (t) => {
  t.strictSame(await list(), []);
  t.strictSame((await set({ ...pusher, profile_tag: 'tag' })).body, {});
  t.strictSame(await list(), [{ ...pusher, profile_tag: 'tag' }]);
  await set({ ...pusher, lang: 'de' });
  t.strictSame(await list(), [{ ...pusher, lang: 'de' }]);
  t.strictSame((await set({ ...pusher, kind: null })).body, {});
  t.strictSame(await list(), []);
  t.equal((await set({ pushkey: 'abc', app_id: 'never', kind: null })).status, 200);
});

t.test('a key goes with the account that has set it last, unless it is appended', async (t) => {
  await set(pusher);
  await set({ ...pusher, append: true }, bob);
  t.equal((await list()).length, 1);
  await set(pusher, bob);
  t.strictSame(await list(), []);
  t.equal((await list(bob)).length, 1);
});

t.test('a pusher ends with its session', async (t) => {
  const carol = await server.register('carol');
  await set(pusher, carol);
  await server.request('POST', '/_matrix/client/v3/logout', { token: carol.accessToken });
  const rows = await server.context.db.sql
    .selectFrom('pushers')
    .selectAll()
    .where('user_id', '=', carol.userId)
    .execute();
  t.strictSame(rows, []);
});

t.test('what is wrong with a pusher is said', async (t) => {
  const without = (name: string) => ({ ...pusher, [name]: undefined });
  for (const [body, errcode] of [
    [without('pushkey'), 'M_MISSING_PARAM'],
    [without('kind'), 'M_MISSING_PARAM'],
    [without('lang'), 'M_MISSING_PARAM'],
    [without('data'), 'M_MISSING_PARAM'],
    [without('app_display_name'), 'M_MISSING_PARAM'],
    [without('device_display_name'), 'M_MISSING_PARAM'],
    [{ ...pusher, data: {} }, 'M_MISSING_PARAM'],
    [{ ...pusher, data: { url: 'http://x/_matrix/push/v1/notify' } }, 'M_INVALID_PARAM'],
    [{ ...pusher, data: { url: 'https://x/elsewhere' } }, 'M_INVALID_PARAM'],
    [{ ...pusher, data: { url: 'nonsense' } }, 'M_INVALID_PARAM'],
    [{ ...pusher, kind: 'email' }, 'M_INVALID_PARAM'],
    [{ ...pusher, pushkey: 'x'.repeat(600) }, 'M_BAD_JSON'],
    [{ ...pusher, lang: 5 }, 'M_BAD_JSON'],
  ] as const) {
    t.match(await set(body), { status: 400, body: { errcode } }, errcode);
  }
  t.match(await set({ ...pusher, data: { ...pusher.data, x: 'x'.repeat(20_000) } }), {
    status: 413,
    body: { errcode: 'M_TOO_LARGE' },
  });
});

t.test('there is an end to pushers', async (t) => {
  const dave = await server.register('dave');
  for (let count = 0; count < 100; count += 1) await set({ ...pusher, pushkey: `k${count}` }, dave);
  t.match(await set({ ...pusher, pushkey: 'one more' }, dave), {
    status: 400,
    body: { errcode: 'M_RESOURCE_LIMIT_EXCEEDED' },
  });
  t.equal((await set({ ...pusher, pushkey: 'k7' }, dave)).status, 200, 'a change is none more');
  t.equal((await list(dave)).length, 100);
});
