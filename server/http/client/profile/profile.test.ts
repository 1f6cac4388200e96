import t from 'tap';
import { startTestNetwork } from '../../../testing/start-network.ts';
import type { TestUser } from '../../../testing/start-server.ts';

const [server, there] = await startTestNetwork(t, 2);
const alice = await server.register('alice');
const bob = await server.register('bob');

const request = (method: string, path: string, body?: unknown, user: TestUser = alice) =>
  server.request(method, `/_matrix/client/v3${path}`, { token: user.accessToken, body });
const call = (method: string, path: string, body?: unknown, user?: TestUser) =>
  request(method, `/profile/${alice.userId}${path}`, body, user);
const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } };

t.test('fields are set, read by anyone, and removed', async (t) => {
  t.strictSame((await call('GET', '')).body, {});
  t.match(await call('GET', '/displayname'), notFound);
  const value = { any: ['json', 1.5, null] };
  for (const [name, set] of [
    ['displayname', 'Alice'],
    ['avatar_url', 'mxc://example.org/cat'],
    ['m.tz', 'Europe/London'],
    ['org.example.job', value],
    ['org.example.nothing', null],
  ] as const) {
    t.strictSame((await call('PUT', `/${name}`, { [name]: set })).body, {}, name);
    t.strictSame((await call('GET', `/${name}`)).body, { [name]: set });
  }
  const anonymous = await server.request('GET', `/_matrix/client/v3/profile/${alice.userId}`);
  t.match(anonymous.body, { displayname: 'Alice', 'org.example.job': value });
  t.equal((await call('DELETE', '/org.example.job')).status, 200);
  t.equal((await call('DELETE', '/org.example.job')).status, 200);
  t.match(await call('GET', '/org.example.job'), notFound);
});

t.test('refuses what is not the caller’s, unknown users and malformed values', async (t) => {
  t.match(await call('PUT', '/displayname', { displayname: 'X' }, bob), {
    status: 403,
    body: { errcode: 'M_FORBIDDEN' },
  });
  t.match(await call('DELETE', '/displayname', undefined, bob), { status: 403 });
  const nobody = `/profile/@nobody:${server.serverName}`;
  t.match(await request('GET', nobody), notFound);
  t.match(await request('GET', `${nobody}/displayname`), notFound);
  const large = 'x'.repeat(66_000);
  const longName = `org.${'x'.repeat(260)}`;
  for (const [name, body, errcode] of [
    ['displayname', {}, 'M_MISSING_PARAM'],
    ['displayname', { displayname: 5 }, 'M_BAD_JSON'],
    ['displayname', [], 'M_BAD_JSON'],
    ['displayname', '{', 'M_NOT_JSON'],
    ['org.example.large', { 'org.example.large': large }, 'M_PROFILE_TOO_LARGE'],
    [longName, { [longName]: 1 }, 'M_KEY_TOO_LARGE'],
    ['nodots', { nodots: 1 }, 'M_INVALID_PARAM'],
  ] as const) {
    t.match(await call('PUT', `/${name}`, body), { status: 400, body: { errcode } }, errcode);
  }
  t.match(await call('GET', '/org.example.large'), notFound, 'nothing is left of it');
  t.match(await request('GET', '/profile/@nobody'), {
    status: 400,
    body: { errcode: 'M_INVALID_PARAM' },
  });
});

t.test('a new name or picture is said in the rooms the user is in', async (t) => {
  const rooms: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    rooms.push((await request('POST', '/createRoom', {})).body.room_id);
  }
  const left = rooms.pop() ?? '';
  await request('POST', `/rooms/${left}/leave`, {});
  await call('PUT', '/displayname', { displayname: 'Alicia' });
  const member = async (roomId: string) =>
    (await request('GET', `/rooms/${roomId}/state/m.room.member/${alice.userId}`)).body;
  for (const roomId of rooms) {
    t.match(await member(roomId), {
      membership: 'join',
      displayname: 'Alicia',
      avatar_url: 'mxc://example.org/cat',
    });
  }
  t.match(await member(left), { membership: 'leave' }, 'a room that was left is let alone');
  await call('DELETE', '/avatar_url');
  t.notOk('avatar_url' in (await member(rooms[0] ?? '')));
  const events = async () =>
    (await request('GET', `/rooms/${rooms[0]}/messages?dir=b&limit=50`)).body.chunk.length;
  const before = await events();
  await call('PUT', '/displayname', { displayname: 'Alicia' });
  await call('PUT', '/m.tz', { 'm.tz': 'Europe/Paris' });
  t.equal(await events(), before, 'what changes nothing says nothing');
});

t.test('a closed account has no profile', async (t) => {
  const carol = await server.register('carol', { password: 'correct horse' });
  const path = `/profile/${carol.userId}`;
  await request('PUT', `${path}/displayname`, { displayname: 'Carol' }, carol);
  await server.context.db.sql
    .updateTable('users')
    .set({ deactivated_at: 1 })
    .where('user_id', '=', carol.userId)
    .execute();
  t.match(await request('GET', path), notFound);
});

t.test('users of other servers are looked up there, for users of ours', async (t) => {
  const path = '/profile/@zoe:localhost:1';
  t.match(await request('GET', path), { status: 502, body: { errcode: 'M_CONNECTION_FAILED' } });
  t.match(await server.request('GET', `/_matrix/client/v3${path}`), {
    status: 401,
    body: { errcode: 'M_MISSING_TOKEN' },
  });
  const zoe = await there.register('zoe');
  await there.request('PUT', `/_matrix/client/v3/profile/${zoe.userId}/displayname`, {
    token: zoe.accessToken,
    body: { displayname: 'Zoë' },
  });
  t.strictSame((await request('GET', `/profile/${zoe.userId}`)).body, { displayname: 'Zoë' });
  const name = await request('GET', `/profile/${zoe.userId}/displayname`);
  t.strictSame(name.body, { displayname: 'Zoë' });
  t.match(await request('GET', `/profile/${zoe.userId}/avatar_url`), notFound);
  t.match(await request('GET', `/profile/@nobody:${there.serverName}`), notFound);
});
