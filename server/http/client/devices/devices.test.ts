import t from 'tap';
import type { Change } from '../../../notifier.ts';
import { readRoomsOfUser } from '../../../storage/memberships.ts';
import { startTestServer } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const password = 'correct horse';
const base = '/_matrix/client/v3/devices';
const stage = {
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: 'alice' },
  password,
};
const alice = await server.register('alice', { password });
const bob = await server.register('bob', { password });

const call = (method: string, path: string, body?: unknown, user = alice) =>
  server.request(method, path, { token: user.accessToken, body });
const login = async (device_id: string) => {
  const body = { type: 'm.login.password', user: 'alice', password, device_id };
  return (await server.request('POST', '/_matrix/client/v3/login', { body })).body;
};
const tokenStatus = async (token: string) =>
  (await server.request('GET', '/_matrix/client/v3/account/whoami', { token })).status;

t.test('lists, shows and renames the devices of the caller only', async (t) => {
  await login('PHONE');
  const { body } = await call('GET', base);
  t.strictSame(
    body.devices.map((device: { device_id: string }) => device.device_id),
    [alice.deviceId, 'PHONE'],
  );
  t.equal((await call('PUT', `${base}/PHONE`, { display_name: 'My phone' })).status, 200);
  t.equal((await call('PUT', `${base}/PHONE`, {})).status, 200);
  t.match((await call('GET', `${base}/PHONE`)).body, { display_name: 'My phone' });
  const unknown = { status: 404, body: { errcode: 'M_NOT_FOUND' } };
  t.match(await call('GET', `${base}/PHONE`, undefined, bob), unknown);
  t.match(await call('PUT', `${base}/PHONE`, { display_name: 'x' }, bob), unknown);
  t.match(await call('PUT', `${base}/PHONE`, {}, bob), unknown);
  for (const [body, errcode] of [
    [{ display_name: 'x'.repeat(300) }, 'M_BAD_JSON'],
    [{ display_name: 1 }, 'M_BAD_JSON'],
    ['{', 'M_NOT_JSON'],
  ] as const) {
    t.match(await call('PUT', `${base}/PHONE`, body), { status: 400, body: { errcode } });
  }
});

t.test('says when and from where a device was used', async (t) => {
  const seen = { last_seen_ip: '127.0.0.1', last_seen_ts: Number };
  await login('FRESH');
  const { devices } = (await call('GET', base)).body;
  const fresh = devices.find((device: { device_id: string }) => device.device_id === 'FRESH');
  t.match(fresh, seen, 'a device that only signed in, at once');
  await server.restart();
  t.match((await call('GET', `${base}/${alice.deviceId}`)).body, seen);
});

t.test('deletes a device after the password, with its tokens, keys and messages', async (t) => {
  const changes: Change[] = [];
  server.context.notifier.listen(({ change }) => changes.push(change));
  const { access_token } = await login('OLD');
  const { sql } = server.context.db;
  const owner = { user_id: alice.userId, device_id: 'OLD' };
  await sql
    .insertInto('device_keys')
    .values({ ...owner, keys: '{}' })
    .execute();
  await sql
    .insertInto('to_device_messages')
    .values({ ...owner, position: 1, message: '' })
    .execute();

  const challenge = await call('DELETE', `${base}/OLD`);
  t.match(challenge, { status: 401, body: { flows: [{ stages: ['m.login.password'] }] } });
  const auth = { ...stage, session: challenge.body.session };
  t.match(await call('DELETE', `${base}/OLD`, { auth: { ...auth, password: 'wrong' } }), {
    status: 401,
    body: { errcode: 'M_FORBIDDEN', session: auth.session },
  });
  t.match(await call('DELETE', `${base}/PHONE`, { auth }), { status: 403 }, 'another device');
  t.match(await call('DELETE', `${base}/OLD`, { auth }, bob), { status: 403 }, 'another user');
  t.equal(await tokenStatus(access_token), 200);
  t.equal((await call('DELETE', `${base}/OLD`, { auth })).status, 200);
  t.equal(await tokenStatus(access_token), 401);
  t.equal((await call('GET', `${base}/OLD`)).status, 404);
  for (const table of ['device_keys', 'to_device_messages'] as const) {
    const rows = await sql.selectFrom(table).selectAll().where('device_id', '=', 'OLD').execute();
    t.strictSame(rows, [], table);
  }
  const kinds = changes.map(({ kind }) => kind);
  t.ok(kinds.includes('sessionEnded') && kinds.includes('deviceList'));
});

t.test('the password of another user is no authentication', async (t) => {
  const identifier = { type: 'm.id.user', user: 'bob' };
  const answer = await call('DELETE', `${base}/PHONE`, { auth: { ...stage, identifier } });
  t.match(answer, { status: 401, body: { errcode: 'M_FORBIDDEN' } });
  t.equal((await call('GET', `${base}/PHONE`)).status, 200);
});

t.test('deletes several devices at once', async (t) => {
  const tokens = [];
  for (const device of ['A', 'B']) tokens.push((await login(device)).access_token);
  const path = '/_matrix/client/v3/delete_devices';
  const devices = ['A', 'B', 'NONE'];
  const { session } = (await call('POST', path, { devices })).body;
  const auth = { ...stage, session };
  t.equal((await call('POST', path, { devices: ['A'], auth })).status, 403, 'other devices');
  t.equal((await call('POST', path, { devices, auth })).status, 200);
  for (const token of tokens) t.equal(await tokenStatus(token), 401);
  t.match(await call('POST', path, {}), { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
  t.match(await call('POST', path, { devices: [1] }), {
    status: 400,
    body: { errcode: 'M_BAD_JSON' },
  });
});

t.test('an authentication is over after an hour', async (t) => {
  const { session } = (await call('DELETE', `${base}/PHONE`)).body;
  await server.context.db.sql
    .updateTable('uia_sessions')
    .set({ created_at: Date.now() - 3_600_001 })
    .where('session_id', '=', session)
    .execute();
  const late = await call('DELETE', `${base}/PHONE`, { auth: { ...stage, session } });
  t.match(late, { status: 401, body: { errcode: 'M_FORBIDDEN', session: String } });
  t.not(late.body.session, session);
});

t.test('changing the password ends the other sessions unless asked not to', async (t) => {
  const path = '/_matrix/client/v3/account/password';
  const phone = (await login('PHONE')).access_token;
  const change = async (body: object, stagePassword: string) => {
    const { session } = (await call('POST', path, body)).body;
    const auth = { ...stage, password: stagePassword, session };
    return call('POST', path, { ...body, auth });
  };
  const kept = { new_password: 'second password', logout_devices: false };
  t.equal((await change(kept, password)).status, 200);
  t.equal(await tokenStatus(phone), 200);
  t.equal((await change({ new_password: 'third password' }, password)).status, 401);
  t.equal((await change({ new_password: 'third password' }, 'second password')).status, 200);
  t.equal(await tokenStatus(phone), 401);
  t.equal(await tokenStatus(alice.accessToken), 200);
  t.match(await call('POST', path, { new_password: 'short' }), {
    status: 400,
    body: { errcode: 'M_WEAK_PASSWORD' },
  });
  t.match(await call('POST', path, {}), { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
  t.match(await server.request('POST', path, { body: { new_password: 'fourth password' } }), {
    status: 401,
    body: { errcode: 'M_MISSING_TOKEN' },
  });
});

t.test(
  'a closed account has no session, no password and no room; its name stays taken',
  async (t) => {
    const room = await call('POST', '/_matrix/client/v3/createRoom', {}, bob);
    t.equal(room.status, 200);
    const { db } = server.context;
    t.equal((await readRoomsOfUser(db, bob.userId, ['join'])).length, 1);
    const path = '/_matrix/client/v3/account/deactivate';
    const identifier = { type: 'm.id.user', user: 'bob' };
    const { session } = (await call('POST', path, { erase: true }, bob)).body;
    const auth = { ...stage, identifier, session };
    t.equal((await call('POST', path, { erase: false, auth }, bob)).status, 403, 'not as asked');
    t.match(await call('POST', path, { erase: true, auth }, bob), {
      status: 200,
      body: { id_server_unbind_result: 'no-support' },
    });
    t.equal(await tokenStatus(bob.accessToken), 401);
    t.strictSame(await readRoomsOfUser(db, bob.userId, ['join']), []);
    const body = { type: 'm.login.password', user: 'bob', password };
    t.equal((await server.request('POST', '/_matrix/client/v3/login', { body })).status, 403);
    const taken = await server.request('GET', '/_matrix/client/v3/register/available?username=bob');
    t.match(taken.body, { errcode: 'M_USER_IN_USE' });
    t.match(await server.request('POST', path, { body: {} }), { status: 401 });
  },
);

t.test('there are no addresses of people, and capabilities say what there is', async (t) => {
  t.strictSame((await call('GET', '/_matrix/client/v3/account/3pid')).body, { threepids: [] });
  const { body } = await call('GET', '/_matrix/client/v3/capabilities');
  t.match(body.capabilities, {
    'm.change_password': { enabled: true },
    'm.room_versions': { default: String, available: { 10: 'stable', 11: 'stable', 12: 'stable' } },
    'm.3pid_changes': { enabled: false },
  });
});
