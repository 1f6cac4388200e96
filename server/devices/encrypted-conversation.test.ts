import t from 'tap';
import { createSession } from '../accounts/create-session.ts';
import { removeDevices } from '../accounts/remove-devices.ts';
import { toDeviceAfter } from '../storage/to-device.ts';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { makeDeviceKeys, newSigningKey } from '../testing/make-keys.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestUser } from '../testing/start-server.ts';

const [a, b] = await startTestNetwork(t, 2);
const alice = await person(a, 'alice');
const bob = await person(b, 'bob');
type Person = typeof alice;

const publish = (one: Person, device: TestUser = one) =>
  one.server.request('POST', '/_matrix/client/v3/keys/upload', {
    token: device.accessToken,
    body: {
      device_keys: makeDeviceKeys(device, newSigningKey(device.deviceId)),
      one_time_keys: { [`signed_curve25519:${device.deviceId}`]: { key: 'k', signatures: {} } },
    },
  });
const devicesOf = async (viewer: Person, one: Person): Promise<string[]> => {
  const body = await viewer.insist('POST', '/keys/query', { device_keys: { [one.userId]: [] } });
  return Object.keys(body.device_keys[one.userId] ?? {}).sort();
};
const inbox = async ({ server, userId, deviceId }: Person) => {
  const { db } = server.context;
  const rows = await toDeviceAfter(db, userId, deviceId, 0, db.clock.committed, 100);
  return rows.map(({ message }) => JSON.parse(message));
};
/** Resolves once the viewer's server has told that the keys of the other changed after the action. */
const told = async (viewer: Person, one: Person, action: () => Promise<unknown>) => {
  let isTold = false;
  const stop = viewer.server.context.notifier.listen(({ change }) => {
    if (change.kind !== 'deviceList' || change.userId !== one.userId) return;
    isTold ||= [...change.wakes].includes(viewer.userId);
  });
  await action();
  await until(async () => isTold);
  stop();
};

t.test('people on two servers find, follow and reach the devices of each other', async (t) => {
  await publish(alice);
  await publish(bob);
  t.strictSame(await devicesOf(alice, bob), [bob.deviceId], 'before they share a room');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await told(alice, bob, () => bob.join(roomId, a));
  t.strictSame(await devicesOf(alice, bob), [bob.deviceId]);
  t.strictSame(await devicesOf(bob, alice), [alice.deviceId]);

  const tablet = await createSession(b.context, { userId: bob.userId, deviceId: 'TABLET' });
  await told(alice, bob, () => publish(bob, { ...bob, ...tablet }));
  t.strictSame(await devicesOf(alice, bob), [bob.deviceId, 'TABLET'].sort());
  await told(alice, bob, () => removeDevices(b.context, bob.userId, ['TABLET']));
  t.strictSame(await devicesOf(alice, bob), [bob.deviceId]);

  const claim = { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } };
  const { one_time_keys } = await alice.insist('POST', '/keys/claim', { one_time_keys: claim });
  t.strictSame(one_time_keys[bob.userId][bob.deviceId], {
    [`signed_curve25519:${bob.deviceId}`]: { key: 'k', signatures: {} },
  });
  const messages = { [bob.userId]: { [bob.deviceId]: { session: 1 } } };
  await alice.insist('PUT', '/sendToDevice/m.room.encrypted/1', { messages });
  await until(async () => (await inbox(bob)).length > 0);
  t.strictSame(await inbox(bob), [
    { type: 'm.room.encrypted', sender: alice.userId, content: { session: 1 } },
  ]);
  await arrives(b, await alice.say(roomId, 'the room works too'));
});

t.test('what is sent while the other server is away arrives once it is back', async (t) => {
  await b.stop();
  for (const n of [2, 3]) {
    const messages = { [bob.userId]: { '*': { session: n } } };
    await alice.insist('PUT', `/sendToDevice/m.room.encrypted/${n}`, { messages });
  }
  await a.restart();
  await b.restart();
  await until(async () => (await inbox(bob)).length >= 3);
  const contents = (await inbox(bob)).map(({ content }) => content.session);
  t.strictSame(contents, [1, 2, 3]);
});
