import { isObject, type Json, type JsonObject, signJson } from '@candor/federation';
import { limits } from '@candor/spec';
import t from 'tap';
import { Overlay } from '../stores/overlay.ts';
import { testWorld } from '../testing/world.ts';
import { readBundle } from './bundle.ts';
import { loadDeviceIdentity } from './device-identity.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

const ready = async () => {
  const world = testWorld();
  const alice = await world.phone('alice').setUp();
  return { ...world, alice, device: world.office.device(alice.userId, alice.deviceId) };
};

t.test('a hundred objects go up at first, and again when fewer than fifty are left', async (t) => {
  const { alice, device, clock } = await ready();
  clock.ms += minute;
  t.equal(device.oneTimeKeys.size, 100);
  const drop = (count: number): void => {
    for (const id of [...device.oneTimeKeys.keys()].slice(0, count)) device.oneTimeKeys.delete(id);
  };
  drop(50);
  await alice.sync();
  t.equal(device.oneTimeKeys.size, 50);
  drop(1);
  await alice.sync();
  t.equal(device.oneTimeKeys.size, 100);
  t.equal(alice.store.count('kyberPreKeys', { uploaded: false }), 0);
});

t.test('each object is whole, of its own keys, and the fallback says what it is', async (t) => {
  const { device } = await ready();
  const objects = [...device.oneTimeKeys.values()];
  const publicKeys = objects
    .flatMap(({ opk, pqk }) => [opk, pqk])
    .map((key) => JSON.stringify(key));
  t.equal(new Set(publicKeys).size, 200);
  for (const object of objects) {
    const fields = ['ik', 'key', 'opk', 'pqk', 'reg', 'signatures', 'spk', 'v'];
    t.same(Object.keys(object).sort(), fields);
    t.equal(typeof object['key'], 'string');
  }
  const [name, fallback] = device.fallback ?? ['', {}];
  t.match(name, /^dev\.candor\.signal\.bundle:/);
  t.notOk(device.oneTimeKeys.has(name));
  t.equal(fallback['fallback'], true);
  t.equal(fallback['opk'], undefined);
  const size = JSON.stringify(objects[0]).length;
  t.ok(size > 2_000 && size < 3_500, `an object has ${size} bytes`);
});

t.test('an object is read only when its key is that of its signed prekey', async (t) => {
  const { alice, device } = await ready();
  const [object] = device.oneTimeKeys.values();
  const [row] = alice.store.all('devices', { where: { userId: alice.userId } });
  if (!object || !row) throw new Error('nothing was uploaded');
  t.ok(readBundle(object, row));
  const { deviceKey } = loadDeviceIdentity(new Overlay(alice.store), row.userId, row.deviceId);
  const signed = (key: Json) => {
    const { signatures: _signatures, ...rest } = object;
    return signJson({ ...rest, key }, row.userId, deviceKey);
  };
  t.ok(readBundle(signed(object['key'] ?? null), row));
  t.equal(readBundle(signed('another key'), row), undefined);
});

t.test('an upload whose answer was lost is repeated byte for byte', async (t) => {
  const { phone } = testWorld();
  const alice = phone('alice');
  const first = await alice.engine.outgoingRequests();
  alice.restart();
  const second = await alice.engine.outgoingRequests();
  t.equal(first[0]?.operation, 'uploadKeys');
  t.equal(JSON.stringify(second[0]), JSON.stringify(first[0]));
});

t.test('keys that the server refuses make way for others, and for what else goes up', async (t) => {
  // As after a return to an older copy of the store: the ids are taken by keys it does not know of.
  const { phone, clock } = testWorld();
  const alice = phone('alice');
  const upload = async () => {
    const [request] = await alice.engine.outgoingRequests();
    if (request?.operation !== 'uploadKeys') throw new Error('nothing to upload');
    return request;
  };
  const refused = await upload();
  const namesOf = (body: JsonObject) => Object.keys(body['one_time_keys'] ?? {});
  t.equal(namesOf(refused.body).length, limits.bundlesUploadedTarget);
  await alice.engine.applyFailure(refused);
  const rest = await upload();
  t.same(Object.keys(rest.body).sort(), ['device_keys', 'fallback_keys', 'one_time_keys']);
  t.same(namesOf(rest.body), []);
  await alice.perform([rest]);
  t.same(await alice.engine.outgoingRequests().then(([one]) => one?.operation), 'queryKeys');
  clock.ms += limits.bundlesIntervalMs;
  const others = namesOf((await upload()).body);
  t.equal(others.length, limits.bundlesUploadedTarget);
  const idOf = (name = '') => Number.parseInt(name.replace(/^.*:/, ''), 36);
  const [last, next] = [idOf(namesOf(refused.body).at(-1)), idOf(others[0])];
  t.ok(next - last >= limits.bundlesStoredMax, `${last} and then ${next}`);
});

t.test('a used fallback is replaced and its private key kept for thirty days', async (t) => {
  const { alice, device, clock } = await ready();
  const [first] = device.fallback ?? [];
  await alice.sync();
  t.equal(device.fallback?.[0], first, 'unused, it stays');
  device.fallbackUsed = true;
  clock.ms += hour;
  await alice.sync();
  t.not(device.fallback?.[0], first);
  const lastResorts = () => alice.store.count('kyberPreKeys', { lastResort: true });
  t.equal(lastResorts(), 2);
  clock.ms += 30 * day;
  await alice.sync();
  t.equal(lastResorts(), 2);
  clock.ms += day;
  await alice.sync();
  t.equal(lastResorts(), 1);
});

t.test('a server that says all keys are used does not keep the device making more', async (t) => {
  const { alice, device, clock } = await ready();
  const made = () => alice.store.count('kyberPreKeys');
  t.equal(made(), 101);
  for (let i = 0; i < 5; i++) {
    device.oneTimeKeys.clear();
    device.fallbackUsed = true;
    await alice.sync();
  }
  t.equal(made(), 101);
  clock.ms += minute;
  await alice.sync();
  t.equal(made(), 201);
  for (let i = 0; i < 20; i++) {
    clock.ms += minute;
    device.oneTimeKeys.clear();
    await alice.sync();
  }
  t.ok(made() <= 1_101, `${made()} are kept`);
  clock.ms += hour;
  await alice.sync();
  t.equal(alice.store.count('kyberPreKeys', { lastResort: true }), 2);
});

t.test('the signed prekey changes weekly and lives as long as an object cites it', async (t) => {
  const { alice, device, clock, phone, room } = await ready();
  const bob = await phone('bob').setUp();
  const citedBy = (): unknown[] => [
    ...new Set([...device.oneTimeKeys.values()].map(({ spk }) => isObject(spk) && spk['id'])),
  ];
  t.same(citedBy(), [1]);
  clock.ms += 7 * day;
  for (const id of [...device.oneTimeKeys.keys()].slice(1, 60)) device.oneTimeKeys.delete(id);
  await alice.sync();
  t.same(citedBy(), [1, 2]);
  t.equal(alice.store.count('signedPreKeys'), 2);
  const talk = room(true, alice, bob);
  await bob.say(talk, 'on a week-old object');
  await alice.sync();
  t.same(alice.texts(talk), ['on a week-old object']);
  alice.store.transaction((tx) => tx.delete('kyberPreKeys', { signedPreKeyId: 1 }));
  clock.ms += day;
  await alice.sync();
  t.same(
    alice.store.all('signedPreKeys').map(({ id }) => id),
    [2],
  );
});

t.test('private keys of objects that never came back do not pile up without end', async (t) => {
  const { alice, clock, device } = await ready();
  for (let i = 0; i < 12; i++) {
    device.oneTimeKeys.clear();
    clock.ms += day / 24;
    await alice.sync();
  }
  t.equal(alice.store.count('kyberPreKeys', { lastResort: false }), 1_000);
  t.equal(alice.store.count('oneTimePreKeys'), 1_000);
});
