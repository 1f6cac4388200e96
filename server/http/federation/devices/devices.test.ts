import type { JsonObject } from '@candor/federation';
import t from 'tap';
import { createSession } from '../../../accounts/create-session.ts';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import { shareDeviceList } from '../../../devices/announce-devices.ts';
import { receiveDeviceListUpdate } from '../../../devices/receive-device-list-update.ts';
import { receiveDirectToDevice } from '../../../devices/receive-direct-to-device.ts';
import { receiveSigningKeyUpdate } from '../../../devices/receive-signing-key-update.ts';
import { storeRemoteKeys } from '../../../devices/store-remote-keys.ts';
import { metrics } from '../../../metrics.ts';
import type { Change } from '../../../notifier.ts';
import { toDeviceAfter } from '../../../storage/to-device.ts';
import { makeCrossSigningKey, makeDeviceKeys, newSigningKey } from '../../../testing/make-keys.ts';
import { startTestNetwork } from '../../../testing/start-network.ts';
import type { TestServer, TestUser } from '../../../testing/start-server.ts';

const [here, there] = await startTestNetwork(t, 2);
// What is queued is carried by hand, so that some of it can be lost.
for (const server of [here, there]) await server.context.federation.sender.stop();
const alice = await here.register('alice');
const v3 = '/_matrix/client/v3';

const post = (server: TestServer, user: TestUser, path: string, body: unknown) =>
  server.request('POST', `${v3}${path}`, { token: user.accessToken, body });
const query = async (userId: string) =>
  (await post(here, alice, '/keys/query', { device_keys: { [userId]: [] } })).body;
const devicesOf = async (userId: string): Promise<string[]> =>
  Object.keys((await query(userId)).device_keys[userId] ?? {}).sort();

const publish = async (user: TestUser, more: JsonObject = {}) => {
  const device_keys = makeDeviceKeys(user, newSigningKey(user.deviceId), more);
  await post(there, user, '/keys/upload', { device_keys });
  return device_keys;
};
const addDevice = async (user: TestUser, deviceId: string, displayName?: string) => {
  const session = await createSession(there.context, {
    userId: user.userId,
    deviceId,
    displayName,
  });
  return publish({ userId: user.userId, ...session });
};
const userThere = async (name: string) => {
  const user = await there.register(name);
  return { ...user, keys: await publish(user) };
};

let roomNid = 1_000_000;
/** Writes the memberships of a room with alice and the user as both servers hold them. */
const shareRoom = async (userId: string) => {
  roomNid += 1;
  for (const server of [here, there]) {
    const { sql, clock } = server.context.db;
    for (const user of [alice.userId, userId]) {
      await sql
        .insertInto('memberships')
        .values({
          room_nid: roomNid,
          user_id: user,
          membership: 'join',
          event_id: '$x',
          sender: user,
          position: clock.committed,
          since: clock.committed,
          is_local: user.endsWith(`:${server.serverName}`),
          stripped_state: null,
        })
        .execute();
    }
  }
  return roomNid;
};

const receivers = {
  'm.device_list_update': receiveDeviceListUpdate,
  'm.signing_key_update': receiveSigningKeyUpdate,
  'm.direct_to_device': receiveDirectToDevice,
};
type EduType = keyof typeof receivers;
type Edu = { edu_type: EduType; content: Record<string, unknown> };

/** EDUs that `there` has queued for `here` since the last call. */
let seen = 0;
const queued = async (): Promise<Edu[]> => {
  const rows = await there.context.db.sql
    .selectFrom('outbound_edus')
    .select(['edu_nid', 'edu'])
    .where('destination', '=', here.serverName)
    .where('edu_nid', '>', seen)
    .orderBy('edu_nid')
    .execute();
  seen = Number(rows.at(-1)?.edu_nid ?? seen);
  return rows.map(({ edu }) => JSON.parse(edu));
};
const deliver = async (edus: readonly Edu[], origin = there.serverName) => {
  for (const { edu_type, content } of edus) {
    await receivers[edu_type](here.context, origin, content);
  }
};
const listRow = (userId: string) =>
  here.context.db.sql
    .selectFrom('remote_device_lists')
    .selectAll()
    .where('user_id', '=', userId)
    .executeTakeFirst();
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const until = async (isTrue: () => Promise<boolean>) => {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10));
};

t.test(
  'keys of remote users are asked for, with names of devices only where a room is shared',
  async (t) => {
    const bob = await userThere('bob');
    await there.request('PUT', `${v3}/devices/${bob.deviceId}`, {
      token: bob.accessToken,
      body: { display_name: 'Phone' },
    });
    const { device_keys, failures } = await query(bob.userId);
    t.strictSame(device_keys[bob.userId], { [bob.deviceId]: bob.keys });
    t.strictSame(failures, {});
    t.equal(await listRow(bob.userId), undefined, 'nothing is kept of who shares no room');
    await shareRoom(bob.userId);
    const shared = (await query(bob.userId)).device_keys[bob.userId];
    t.strictSame(shared[bob.deviceId].unsigned, { device_display_name: 'Phone' });
    t.match(await listRow(bob.userId), { is_stale: false, stream_id: null });
    t.strictSame((await query(`@nobody:${there.serverName}`)).device_keys, {
      [`@nobody:${there.serverName}`]: {},
    });
  },
);

t.test(
  'updates keep a list current; a gap has it fetched again; what was there is served offline',
  async (t) => {
    const carol = await userThere('carol');
    await shareRoom(carol.userId);
    t.strictSame(await devicesOf(carol.userId), [carol.deviceId]);
    await queued();
    const changes: Change[] = [];
    const stop = here.context.notifier.listen(({ change }) => changes.push(change));

    await addDevice(carol, 'SECOND', 'Tablet');
    const first = await queued();
    t.match(first, [{ edu_type: 'm.device_list_update', content: { device_id: 'SECOND' } }]);
    await deliver(first);
    t.ok(changes.some((one) => one.kind === 'deviceList' && [...one.wakes].includes(alice.userId)));
    await until(async () => (await listRow(carol.userId))?.stream_id !== null);
    t.strictSame(await devicesOf(carol.userId), [carol.deviceId, 'SECOND'].sort());

    await addDevice(carol, 'THIRD');
    await removeDevices(there.context, carol.userId, ['SECOND']);
    const next = await queued();
    t.match(next, [{ content: { keys: Object } }, { content: { deleted: true } }]);
    await deliver(next);
    await deliver(next.slice(-1));
    t.match(await listRow(carol.userId), {
      is_stale: false,
      stream_id: next[1]?.content['stream_id'],
    });
    t.strictSame(await devicesOf(carol.userId), [carol.deviceId, 'THIRD'].sort());

    await addDevice(carol, 'FOURTH');
    await queued();
    await addDevice(carol, 'FIFTH');
    await deliver(await queued());
    await until(async () => (await listRow(carol.userId))?.is_stale === false);
    stop();
    t.strictSame(
      await devicesOf(carol.userId),
      [carol.deviceId, 'THIRD', 'FOURTH', 'FIFTH'].sort(),
    );
    const { device_keys } = await query(carol.userId);
    t.equal(device_keys[carol.userId].FIFTH.device_id, 'FIFTH');
  },
);

t.test('many who ask at the same time cost one request', async (t) => {
  const lena = await userThere('lena');
  await shareRoom(lena.userId);
  const asked = async () => {
    const { values } = await metrics.requestSeconds.get();
    const counts = values.filter(
      ({ metricName, labels }) =>
        metricName?.endsWith('_count') && labels.operation === 'queryUserEncryptionKeys',
    );
    return counts.reduce((sum, { value }) => sum + value, 0);
  };
  const before = await asked();
  const answers = await Promise.all(Array.from({ length: 20 }, () => devicesOf(lena.userId)));
  t.ok(answers.every(([deviceId]) => deviceId === lena.deviceId));
  // A second one when the first had come back before the last was looked up.
  t.ok((await asked()) - before <= 2);
});

t.test('a list that was asked for before an update came in is stale when it arrives', async (t) => {
  const mike = await userThere('mike');
  await shareRoom(mike.userId);
  const { db, deviceLists } = here.context;
  await queued();
  const heldSince = db.clock.committed;
  await addDevice(mike, 'NEW');
  await deliver(await queued());
  const old = new Map([[mike.userId, { devices: new Map(), crossSigning: new Map() }]]);
  await storeRemoteKeys(db, old, { streamId: 1, heldSince });
  t.match(await listRow(mike.userId), { is_stale: true });
  t.strictSame(await devicesOf(mike.userId), [mike.deviceId, 'NEW'].sort());
  const now = db.clock.committed;
  await storeRemoteKeys(db, old, { streamId: 1, heldSince });
  t.match(await listRow(mike.userId), { is_stale: false, held_since: now }, 'the newer one stays');

  await addDevice(mike, 'LATER');
  await deliver(await queued());
  deviceLists.resync.want(mike.userId);
  await until(async () => (await listRow(mike.userId))?.is_stale === false);
  t.match(await listRow(mike.userId), { stream_id: 3 });
});

t.test('a user who enters a room with new servers announces their devices there', async (t) => {
  const nina = await userThere('nina');
  await queued();
  const share = (roomId: string) => shareDeviceList(there.context.db, nina.userId, roomId);
  const enter = async () => {
    const room_nid = await shareRoom(nina.userId);
    const room_id = `!${room_nid}`;
    const room = { room_nid, room_id, version: '12', extremities: '[]', snapshot_nid: null };
    await there.context.db.sql.insertInto('rooms').values(room).execute();
    return room_id;
  };
  await share(await enter());
  const content = { user_id: nina.userId, prev_id: [1], stream_id: 2, keys: Object };
  t.match(await queued(), [{ edu_type: 'm.device_list_update', content }]);
  await share(await enter());
  t.strictSame(await queued(), [], 'nothing new for a server that hears of them already');
});

t.test('ignores updates by the wrong server, of strangers, or malformed', async (t) => {
  const dave = await userThere('dave');
  await shareRoom(dave.userId);
  await devicesOf(dave.userId);
  const before = await listRow(dave.userId);
  const changes: Change[] = [];
  const stop = here.context.notifier.listen(({ change }) => changes.push(change));
  const update = {
    user_id: dave.userId,
    device_id: 'EVIL',
    stream_id: 9,
    prev_id: [8],
    keys: dave.keys,
  };
  await deliver([{ edu_type: 'm.device_list_update', content: update }], 'evil.example');
  const key = makeCrossSigningKey(dave.userId, 'master', newSigningKey());
  const signing = { user_id: dave.userId, master_key: key };
  await deliver([{ edu_type: 'm.signing_key_update', content: signing }], 'evil.example');
  const stranger = `@stranger:${there.serverName}`;
  await deliver([
    { edu_type: 'm.device_list_update', content: { ...update, user_id: stranger } },
    { edu_type: 'm.signing_key_update', content: { ...signing, user_id: stranger } },
    { edu_type: 'm.device_list_update', content: { ...update, stream_id: 'x' } },
    { edu_type: 'm.device_list_update', content: {} },
    { edu_type: 'm.signing_key_update', content: { user_id: 7 } },
    { edu_type: 'm.direct_to_device', content: { sender: dave.userId } },
  ]);
  await receiveDeviceListUpdate(here.context, there.serverName, null);
  stop();
  t.strictSame(changes, []);
  t.strictSame(await listRow(dave.userId), before);
  t.strictSame((await query(dave.userId)).master_keys, {});
});

t.test('cross-signing keys and signatures on devices reach other servers', async (t) => {
  const erin = await userThere('erin');
  await shareRoom(erin.userId);
  await devicesOf(erin.userId);
  await queued();
  const [master, selfSigning] = [newSigningKey(), newSigningKey()];
  const body = {
    master_key: makeCrossSigningKey(erin.userId, 'master', master),
    self_signing_key: makeCrossSigningKey(erin.userId, 'self_signing', selfSigning, master),
    user_signing_key: makeCrossSigningKey(erin.userId, 'user_signing', newSigningKey(), master),
  };
  await post(there, erin, '/keys/device_signing/upload', body);
  const edus = await queued();
  t.match(edus, [{ edu_type: 'm.signing_key_update', content: { user_id: erin.userId } }]);
  t.notOk(JSON.stringify(edus).includes('user_signing'));
  await deliver(edus);
  const answer = await query(erin.userId);
  t.match(answer.master_keys[erin.userId], body.master_key);
  t.strictSame(answer.self_signing_keys[erin.userId], body.self_signing_key);
  t.strictSame(answer.user_signing_keys, {});
});

t.test('a list does not outlive the last shared room', async (t) => {
  const frank = await userThere('frank');
  const nid = await shareRoom(frank.userId);
  await devicesOf(frank.userId);
  const leave = async (membership: string) => {
    const { sql, clock } = here.context.db;
    await sql
      .updateTable('memberships')
      .set({ membership, since: clock.committed + 1 })
      .where('room_nid', '=', nid)
      .where('user_id', '=', frank.userId)
      .execute();
  };
  await leave('leave');
  await addDevice(frank, 'MISSED');
  await leave('join');
  t.strictSame(await devicesOf(frank.userId), [frank.deviceId, 'MISSED'].sort());
});

t.test('one-time keys are claimed once, by whichever server', async (t) => {
  const grace = await userThere('grace');
  const keys = Array.from({ length: 20 }, (_, i) => [`alg:${i}`, { key: `k${i}` }]);
  await post(there, grace, '/keys/upload', { one_time_keys: Object.fromEntries(keys) });
  const body = { one_time_keys: { [grace.userId]: { [grace.deviceId]: 'alg' } } };
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      i % 2 ? post(here, alice, '/keys/claim', body) : post(there, grace, '/keys/claim', body),
    ),
  );
  const ids = answers.flatMap(({ body }) =>
    Object.keys(body.one_time_keys[grace.userId]?.[grace.deviceId] ?? {}),
  );
  t.equal(ids.length, 20);
  t.equal(new Set(ids).size, 20);
  t.ok(answers.every(({ body }) => Object.keys(body.failures).length === 0));
});

t.test('to-device messages cross servers once each, and only from who they say', async (t) => {
  const henry = await userThere('henry');
  const waiting = async () => {
    const { db } = here.context;
    const rows = await toDeviceAfter(db, alice.userId, alice.deviceId, 0, 2 ** 52, 1_000);
    return rows.map(({ message }) => JSON.parse(message));
  };
  await queued();
  const large = 'x'.repeat(40_000);
  const messages = { [alice.userId]: { '*': { large }, [alice.deviceId]: { large, own: true } } };
  const path = `${v3}/sendToDevice/m.test/1`;
  for (let time = 0; time < 2; time++) {
    await there.request('PUT', path, { token: henry.accessToken, body: { messages } });
  }
  const edus = await queued();
  t.equal(edus.length, 2, 'cut into parts of a bearable size');
  await deliver(edus, 'evil.example');
  await deliver(edus);
  await deliver(edus);
  t.match(await waiting(), [
    { sender: henry.userId, type: 'm.test', content: { large } },
    { sender: henry.userId, type: 'm.test', content: { own: true } },
  ]);
  t.equal((await waiting()).length, 2);
});

t.test('answers other servers about users of its own only', async (t) => {
  const ivan = await userThere('ivan');
  const { client } = here.context.federation;
  const destination = there.serverName;
  const base = '/_matrix/federation/v1/user';
  const get = (userId: string) =>
    client.request({
      destination,
      method: 'GET',
      path: `${base}/devices/${encodeURIComponent(userId)}`,
    });
  t.match((await get(ivan.userId)).body, {
    user_id: ivan.userId,
    stream_id: 1,
    devices: [{ device_id: ivan.deviceId, keys: ivan.keys }],
  });
  t.match(await errorOf(get(alice.userId)), { status: 404, errcode: 'M_NOT_FOUND' });
  t.match(await errorOf(get('ivan')), { status: 400, errcode: 'M_INVALID_PARAM' });
  const ask = (path: string, content: JsonObject) =>
    client.request({ destination, method: 'POST', path: `${base}/keys/${path}`, content });
  const asked = { [alice.userId]: [], [ivan.userId]: [], '@no:where': [] };
  t.strictSame((await ask('query', { device_keys: asked })).body, {
    device_keys: { [ivan.userId]: { [ivan.deviceId]: ivan.keys } },
    master_keys: {},
    self_signing_keys: {},
  });
  t.strictSame((await ask('claim', { one_time_keys: { '@no:where': { X: 'alg' } } })).body, {
    one_time_keys: {},
  });
  t.match(await errorOf(ask('query', {})), { status: 400, errcode: 'M_MISSING_PARAM' });
  t.match(await errorOf(ask('claim', { one_time_keys: 1 })), {
    status: 400,
    errcode: 'M_BAD_JSON',
  });
});

t.test('a server that is away is a failure, unless its keys are held', async (t) => {
  const judy = await userThere('judy');
  const kim = await userThere('kim');
  await shareRoom(judy.userId);
  await devicesOf(judy.userId);
  await there.stop();
  const device_keys = { [judy.userId]: [], [kim.userId]: [] };
  const { status, body } = await post(here, alice, '/keys/query', { device_keys, timeout: 5_000 });
  t.equal(status, 200);
  t.strictSame(Object.keys(body.device_keys), [judy.userId]);
  t.match(body.failures, { [there.serverName]: { errcode: 'M_CONNECTION_FAILED' } });
});
