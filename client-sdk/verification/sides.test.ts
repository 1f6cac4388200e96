import { type JsonObject, signingKeyFromSeed, signJson } from '@candor/federation';
import t from 'tap';
import { testWorld } from '../testing/world.ts';
import { sides } from './sides.ts';

t.test('the keys of a verification are those that the store holds', async (t) => {
  const { phone, room } = testWorld();
  const [alice, bob] = [phone('alice'), phone('bob')];
  await alice.setUp();
  await bob.setUp();
  await alice.say(room(true, alice, bob), 'hello');
  const { store, userId, deviceId } = alice;
  const own = sides.own(store, userId);
  t.match(own, { userId, deviceId, vouches: true });
  t.equal(own?.deviceKey, store.get('devices', { userId, deviceId })?.ed25519Key);
  t.equal(sides.own(store, bob.userId), undefined);
  const other = sides.other(store, bob.userId, bob.deviceId);
  t.equal(other?.masterKey, bob.store.get('users', { userId: bob.userId })?.masterKey);
  t.equal(sides.other(store, bob.userId, 'NOBODY'), undefined);
  t.equal(sides.other(store, bob.userId, 7), undefined);
  if (!own) throw new Error('there is no own side');
  t.same(sides.devicesToAsk(store, own, bob.userId), [bob.deviceId]);
  t.same(sides.devicesToAsk(store, own, userId), [], 'not itself');

  // What the server offers in its place is what would be verified.
  const user = store.get('users', { userId: bob.userId });
  const device = store.get('devices', { userId: bob.userId, deviceId: bob.deviceId });
  if (!user || !device) throw new Error('bob is not known');
  const put = (changes: object) =>
    store.transaction((tx) => tx.put('users', { ...user, ...changes }));
  put({ trust: 'changed', offeredMasterKey: 'another' });
  t.equal(sides.other(store, bob.userId, bob.deviceId)?.masterKey, 'another');
  put({});
  store.transaction((tx) => tx.put('devices', { ...device, keysChanged: true }));
  t.equal(sides.other(store, bob.userId, bob.deviceId), undefined, 'a device that changed its key');
  store.transaction((tx) => {
    tx.put('devices', device);
    tx.put('devices', { ...device, deviceId: user.masterKey ?? '', address: 'x', deleted: true });
  });
  t.equal(
    sides.other(store, bob.userId, bob.deviceId),
    undefined,
    'a device with the id of a master key makes both unclear',
  );
});

t.test(
  'a device is signed only as it described and signed itself, with the verified key',
  async (t) => {
    const key = signingKeyFromSeed('LAPTOP', new Uint8Array(32).fill(1));
    const userId = '@alice:a.example';
    const side = { userId, deviceId: 'LAPTOP', deviceKey: key.publicKey, masterKey: null };
    const described = (changes: JsonObject = {}, by = key) =>
      signJson(
        {
          user_id: userId,
          device_id: 'LAPTOP',
          algorithms: [],
          keys: { 'ed25519:LAPTOP': by.publicKey },
          ...changes,
        },
        userId,
        by,
      );
    const inAnswer = (object: unknown) => ({ device_keys: { [userId]: { LAPTOP: object } } });
    const good = described();
    const unsigned = { device_display_name: 'Laptop' };
    t.same(sides.deviceKeysIn(inAnswer({ ...good, unsigned }), side), good);
    const other = signingKeyFromSeed('LAPTOP', new Uint8Array(32).fill(2));
    for (const object of [
      undefined,
      described({}, other),
      described({ device_id: 'PHONE' }),
      described({ user_id: '@bob:b.example' }),
      { ...good, algorithms: ['m.olm'] },
      { ...good, number: 1.5 },
      { ...good, signatures: {} },
    ]) {
      t.equal(sides.deviceKeysIn(inAnswer(object), side), undefined);
    }
  },
);
