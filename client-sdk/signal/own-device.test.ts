import { isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import t from 'tap';
import type { Phone } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';

const conversation = async () => {
  const world = testWorld();
  const [alice, bob] = [await world.phone('alice').setUp(), await world.phone('bob').setUp()];
  const talk = world.room(true, alice, bob);
  await alice.say(talk, 'before');
  await bob.sync();
  return { ...world, alice, bob, talk };
};

const operationsOf = async (phone: Phone) =>
  (await phone.engine.outgoingRequests()).map(({ operation }) => operation);

/** The signatures of a device's keys as it uploads them, without that of its user. */
const bareSignatures = ({ office, userId, deviceId }: Phone): JsonObject => {
  const signatures = office.device(userId, deviceId).keys?.['signatures'];
  const own = isObject(signatures) ? signatures[userId] : undefined;
  const name = `ed25519:${deviceId}`;
  return isObject(own) ? { [userId]: { [name]: own[name] ?? null } } : {};
};

t.test('a device that the server forgot is made known again, and signed', async (t) => {
  const { office, clock, alice, bob, talk } = await conversation();
  office.removeDevice(alice.userId, 'PHONE');
  alice.inbox.changed.add(alice.userId);
  await alice.sync();
  t.equal(alice.engine.ownIdentity(), 'device-signed');
  clock.ms += limits.bundlesIntervalMs;
  await alice.sync();
  const { oneTimeKeys } = office.device(alice.userId, 'PHONE');
  t.equal(oneTimeKeys.size, limits.bundlesUploadedTarget, 'with keys to begin with');
  await bob.sync();
  await bob.say(talk, 'to alice');
  await alice.sync();
  t.same(alice.texts(talk), ['before', 'to alice']);
});

t.test('a signature of the own device that the server did not take goes up again', async (t) => {
  const { office, clock, alice } = await conversation();
  const record = office.device(alice.userId, 'PHONE');
  /** The server loses what it was given, as when a signature comes before the keys it is of. */
  const lose = () => {
    record.keys = { ...record.keys, signatures: bareSignatures(alice) };
    alice.inbox.changed.add(alice.userId);
  };
  lose();
  await alice.sync();
  t.equal(alice.engine.ownIdentity(), 'device-signed');
  lose();
  await alice.sync();
  t.same(await operationsOf(alice), [], 'not again at once');
  t.equal(alice.engine.ownIdentity(), 'device-not-signed');
  clock.ms += limits.keyRequestBackoffMs;
  await alice.settle();
  t.equal(alice.engine.ownIdentity(), 'device-signed', 'but without being told to');
});

t.test('a device whose identity was replaced does not go on signing itself', async (t) => {
  const { office, clock, alice, phone } = await conversation();
  await phone('alice', 'NEW').setUp();
  const record = office.device(alice.userId, 'PHONE');
  record.keys = { ...record.keys, signatures: bareSignatures(alice) };
  alice.inbox.changed.add(alice.userId);
  await alice.sync();
  t.equal(alice.engine.trustOf(alice.userId).state, 'changed');
  t.same(record.keys['signatures'], bareSignatures(alice));
  clock.ms += limits.keyRequestBackoffMs;
  t.same(await operationsOf(alice), []);
});

t.test('what a server shows in place of the own device is not written over', async (t) => {
  const { office, clock, alice } = await conversation();
  const twin = testWorld().phone('alice');
  await twin.settle();
  const record = office.device(alice.userId, 'PHONE');
  record.keys = twin.office.device(alice.userId, 'PHONE').keys;
  alice.inbox.changed.add(alice.userId);
  await alice.sync();
  clock.ms += limits.keyRequestBackoffMs;
  t.match(alice.engine.warnings(), [{ kind: 'own-device-keys-differ' }]);
  t.notMatch(await operationsOf(alice), ['uploadKeys']);
});
