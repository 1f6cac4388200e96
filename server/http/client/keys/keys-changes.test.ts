import t from 'tap';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import { until } from '../../../testing/federated-rooms.ts';
import { makeCrossSigningKey, makeDeviceKeys, newSigningKey } from '../../../testing/make-keys.ts';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const v3 = '/_matrix/client/v3';
const alice = await server.register('alice');
const bob = await server.register('bob');
const carol = await server.register('carol');

const post = (user: TestUser, path: string, body: unknown = {}) =>
  server.request('POST', `${v3}${path}`, { token: user.accessToken, body });
const token = () => `s${server.context.db.clock.committed}`;
const changes = async (user: TestUser, from: string, to = token()) => {
  const path = `${v3}/keys/changes?from=${from}&to=${to}`;
  return server.request('GET', path, { token: user.accessToken });
};
const publish = (user: TestUser, more = {}) =>
  post(user, '/keys/upload', {
    device_keys: makeDeviceKeys(user, newSigningKey(user.deviceId), more),
  });
const newRoom = async (owner: TestUser, ...others: TestUser[]): Promise<string> => {
  const { body } = await post(owner, '/createRoom', { preset: 'public_chat' });
  for (const user of others) await post(user, `/join/${encodeURIComponent(body.room_id)}`);
  return body.room_id;
};

t.test('names those who share a room and whose keys changed, and the user', async (t) => {
  await newRoom(alice, bob);
  const from = token();
  t.strictSame((await changes(alice, from)).body, { changed: [], left: [] });
  await publish(bob);
  await publish(carol);
  t.strictSame((await changes(alice, from)).body, { changed: [bob.userId], left: [] });
  t.strictSame((await changes(carol, from)).body, { changed: [carol.userId], left: [] });
  const to = token();
  await publish(alice);
  t.strictSame((await changes(alice, from, to)).body.changed, [bob.userId]);
  t.strictSame((await changes(alice, to)).body.changed, [alice.userId]);
  const master_key = makeCrossSigningKey(bob.userId, 'master', newSigningKey());
  const at = token();
  await post(bob, '/keys/device_signing/upload', { master_key });
  t.strictSame((await changes(alice, at)).body.changed, [bob.userId]);
});

t.test('names those who came and those who went', async (t) => {
  const from = token();
  const roomId = await newRoom(alice, carol);
  t.match((await changes(alice, from)).body, { left: [] });
  t.ok((await changes(alice, from)).body.changed.includes(carol.userId));
  t.ok((await changes(carol, from)).body.changed.includes(alice.userId));
  const joined = token();
  await post(carol, `/rooms/${encodeURIComponent(roomId)}/leave`);
  for (const [user, other] of [
    [alice, carol],
    [carol, alice],
  ] as const) {
    t.strictSame((await changes(user, joined)).body, { changed: [], left: [other.userId] });
  }
  const second = await newRoom(bob, alice);
  const here = token();
  await post(bob, `/rooms/${encodeURIComponent(second)}/leave`);
  t.strictSame((await changes(alice, here)).body.left, [], 'another room is still shared');
});

t.test('a new name is no news about keys', async (t) => {
  const from = token();
  const rename = (displayname: string) =>
    server.request('PUT', `${v3}/profile/${bob.userId}/displayname`, {
      token: bob.accessToken,
      body: { displayname },
    });
  const nameInRooms = async () => {
    const rows = await server.context.db.sql
      .selectFrom('memberships')
      .select('position')
      .where('user_id', '=', bob.userId)
      .where('position', '>', Number(from.slice(1)))
      .execute();
    return rows.length;
  };
  t.equal((await rename('Bobby')).status, 200);
  await until(async () => (await nameInRooms()) > 0);
  for (const user of [alice, bob]) {
    t.strictSame((await changes(user, from)).body, { changed: [], left: [] });
  }
});

t.test('a removed device with keys is a change, one without is none', async (t) => {
  const from = token();
  const dave = await server.register('dave');
  await newRoom(alice, dave);
  const quiet = token();
  await removeDevices(server.context, dave.userId, ['NOSUCH']);
  await server.request('PUT', `${v3}/devices/${dave.deviceId}`, {
    token: dave.accessToken,
    body: { display_name: 'No keys yet' },
  });
  t.strictSame((await changes(alice, quiet)).body.changed, []);
  await publish(dave);
  const published = token();
  await removeDevices(server.context, dave.userId, [dave.deviceId]);
  t.strictSame((await changes(alice, published)).body.changed, [dave.userId]);
  t.notOk((await changes(carol, from)).body.changed.includes(dave.userId));
});

t.test('refuses what is no token', async (t) => {
  const wrong = { status: 400, body: { errcode: 'M_INVALID_PARAM' } };
  t.match(await changes(alice, 'yesterday'), wrong);
  t.match(await changes(alice, token(), 'x'), wrong);
  const missing = await server.request('GET', `${v3}/keys/changes`, { token: alice.accessToken });
  t.match(missing, { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
});
