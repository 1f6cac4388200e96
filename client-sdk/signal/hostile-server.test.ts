import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import {
  PrivateKey,
  SenderKeyDistributionMessage,
  SenderKeyMessage,
} from '@signalapp/libsignal-client';
import t from 'tap';
import type { Phone, TestRoom } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';
import { addressOf } from './address.ts';
import { loadDeviceIdentity } from './device-identity.ts';
import { writePlaintext } from './plaintext.ts';
import { senderKeys } from './sender-keys.ts';

const hour = 3_600_000;
const encrypted = 'm.room.encrypted';

const setUp = (...phones: Phone[]) => Promise.all(phones.map((phone) => phone.setUp()));

const pair = async (direct: boolean) => {
  const world = testWorld();
  const [alice, bob] = [world.phone('alice'), world.phone('bob')];
  await setUp(alice, bob);
  return { ...world, alice, bob, talk: world.room(direct, alice, bob) };
};

/** The reasons of events a phone shows as refused, in their order. */
const refusals = (phone: Phone, room: TestRoom): (string | null)[] =>
  phone.store
    .all('timeline', { where: { roomId: room.roomId, state: 'refused' }, orderBy: 'position' })
    .map(({ reason }) => reason);

t.test("a member cannot write in another's name, not even with the server's help", async (t) => {
  const { office, phone, room } = testWorld();
  const [alice, bob, mallory] = [phone('alice'), phone('bob'), phone('mallory')];
  await setUp(alice, bob, mallory);
  const group = room(false, alice, bob, mallory);
  const eventId = await alice.say(group, 'from alice');
  await Promise.all([bob.sync(), mallory.sync()]);

  // Mallory has alice's distribution like every member; what she lacks is its signature key.
  const distributionId = alice.row(group, eventId)?.distributionId ?? '';
  const address = addressOf(mallory.userId, mallory.deviceId);
  const given = alice.store.get('senderKeyRecipients', { distributionId, address });
  const distribution = SenderKeyDistributionMessage.deserialize(
    given?.distribution ?? new Uint8Array(),
  );
  const forged = SenderKeyMessage._new(
    3,
    distributionId,
    distribution.chainId(),
    1,
    new Uint8Array(randomBytes(176)),
    PrivateKey.generate(),
  );
  const content = {
    algorithm: 'dev.candor.signal.senderkey.v1',
    sender_device: 'PHONE',
    distribution_id: distributionId,
    ciphertext: Buffer.from(forged.serialize()).toString('base64'),
  };
  office.send(group.roomId, alice.userId, encrypted, content, [bob.userId]);

  // In an event of her own, with an envelope that claims to be alice's.
  const own = await mallory.ready(group, { body: 'mine' });
  await mallory.perform(own.toDevice);
  const ownDistribution = String(own.content['distribution_id']);
  const lie = await mallory.store.transaction((tx) => {
    const identity = loadDeviceIdentity(tx, mallory.userId, mallory.deviceId);
    const plaintext = writePlaintext({
      v: 1,
      room_id: group.roomId,
      sender: alice.userId,
      sender_device: 'PHONE',
      type: 'm.room.message',
      content: { body: 'forged' },
      txn_id: 'x',
      distribution_id: ownDistribution,
    });
    const context = { identity, now: Date.now };
    return senderKeys.encrypt(tx, context, group.roomId, ownDistribution, plaintext);
  });
  const lying = { ...own.content, ciphertext: lie };
  office.send(group.roomId, mallory.userId, encrypted, lying, [bob.userId]);
  await bob.sync();
  t.same(refusals(bob, group), ['forged', 'envelope-contradicts-sender']);

  await alice.say(group, 'still from alice');
  await bob.sync();
  t.equal(bob.texts(group).at(-1), 'still from alice', 'the refused ones changed nothing');
});

for (const direct of [true, false]) {
  const kind = direct ? 'direct' : 'group';
  t.test(`a ${kind} message is not taken twice, nor in another room`, async (t) => {
    const { office, alice, bob, talk, room } = await pair(direct);
    await alice.say(talk, 'hello');
    await bob.sync();
    const step = await alice.ready(talk, { body: 'once' });
    const elsewhere = room(direct, alice, bob);
    const to = [bob.userId];
    office.send(talk.roomId, alice.userId, step.type, step.content, to);
    office.send(talk.roomId, alice.userId, step.type, step.content, to);
    const other = await alice.ready(talk, { body: 'moved' });
    office.send(elsewhere.roomId, alice.userId, other.type, other.content, to);
    await bob.sync();
    t.same(bob.texts(talk), ['hello', 'once', 'refused: replayed']);
    const reason = direct ? 'envelope-contradicts-room_id' : 'wrong-room';
    t.same(bob.texts(elsewhere), [`refused: ${reason}`]);
  });
}

t.test('messages do not change channel or sender', async (t) => {
  const { office, alice, bob, talk, phone } = await pair(true);
  const mallory = await phone('mallory').setUp();
  await alice.say(talk, 'hello');
  await bob.sync();
  const step = await alice.ready(talk, { body: 'as to-device' });
  bob.inbox.toDevice.push({ type: encrypted, sender: alice.userId, content: step.content });
  const { toDevice } = await bob.sync();
  t.same(
    toDevice.map(({ state, reason }) => [state, reason]),
    [['refused', 'wrong-channel']],
  );

  await mallory.say({ ...talk, members: [mallory.userId, bob.userId] }, 'introduction');
  await bob.sync();
  const stolen = await alice.ready(talk, { body: 'as from mallory' });
  office.send(talk.roomId, mallory.userId, stolen.type, stolen.content, [bob.userId]);
  await bob.sync();
  t.match(bob.texts(talk).at(-1), /^(refused|waiting): (identity-differs|decryption-failed)/);
});

t.test('a bundle that was tampered with starts no session', async (t) => {
  const changes: [string, (bundle: JsonObject, other: JsonObject) => JsonObject][] = [
    ['signed prekey', (bundle, other) => ({ ...bundle, spk: other['spk'] ?? null })],
    ['one-time prekey', (bundle, other) => ({ ...bundle, opk: other['opk'] ?? null })],
    ['without one-time prekey', ({ opk: _opk, ...bundle }) => bundle],
    ['Signal identity', (bundle, other) => ({ ...bundle, ik: other['ik'] ?? null })],
    ['another device altogether', (_bundle, other) => other],
    ['no signature', ({ signatures: _signatures, ...bundle }) => bundle],
    ['a float', (bundle) => ({ ...bundle, reg: 1.5 })],
    ['not an object', () => [] as unknown as JsonObject],
  ];
  const { office, clock, alice, bob, talk, phone } = await pair(true);
  const mallory = await phone('mallory').setUp();
  const served = office.device(bob.userId, bob.deviceId).oneTimeKeys;
  const [other] = office.device(mallory.userId, mallory.deviceId).oneTimeKeys.values();
  for (const [what, change] of changes) {
    const [entry] = served;
    if (!entry || !other) throw new Error('no keys to serve');
    served.set(entry[0], change(entry[1], other));
    const step = await alice.ready(talk, { body: what });
    const withheld = [{ userId: bob.userId, deviceId: 'PHONE', reason: 'no-one-time-key' }];
    t.same(step.withheld, withheld, what);
    t.same(step.content['ciphertext'], {}, what);
    clock.ms += hour;
  }
  await alice.say(talk, 'with an untouched one');
  await bob.sync();
  t.same(bob.texts(talk), ['with an untouched one']);
});

t.test('a first message on the last-resort key is not accepted again', async (t) => {
  const { office, alice, bob, talk } = await pair(true);
  office.device(alice.userId, 'PHONE').oneTimeKeys.clear();
  const step = await bob.ready(talk, { body: 'on the last resort' });
  office.send(talk.roomId, bob.userId, step.type, step.content, [alice.userId]);
  await alice.sync();
  t.same(alice.texts(talk), ['on the last resort']);
  t.equal(alice.store.count('lastResortUses'), 1);
  // Without the session nothing but the store's memory tells the replay from a new message.
  alice.store.transaction((tx) => tx.delete('sessions', {}));
  office.send(talk.roomId, bob.userId, step.type, step.content, [alice.userId]);
  await alice.sync();
  t.equal(alice.texts(talk).at(-1), 'refused: replayed');
});

t.test(
  'a one-time key given out twice serves once; the second sender is asked again',
  async (t) => {
    const { office, clock, alice, bob, talk, phone, room } = await pair(true);
    const carol = await phone('carol').setUp();
    const withCarol = room(true, alice, carol);
    const served = office.device(alice.userId, 'PHONE').oneTimeKeys;
    const [entry] = served;
    await bob.say(talk, 'from bob');
    if (entry) office.device(alice.userId, 'PHONE').oneTimeKeys = new Map([entry, ...served]);
    await carol.say(withCarol, 'from carol');
    await alice.sync();
    t.same(alice.texts(talk), ['from bob']);
    t.same(alice.texts(withCarol), ['waiting: one-time-key-used']);
    clock.ms += 5_000;
    for (const phone of [alice, carol, alice]) await phone.sync();
    t.same(alice.texts(withCarol), ['from carol']);
  },
);

t.test('a direct message that was damaged on its way is sent again when asked for', async (t) => {
  const { office, clock, alice, bob, talk } = await pair(true);
  await alice.say(talk, 'first');
  await bob.sync();
  const step = await alice.ready(talk, { body: 'damaged' });
  const text = JSON.stringify(step.content);
  const damaged = JSON.parse(text.replace(/"body":"(.{200})...../, '"body":"$1AAAAA'));
  const eventId = office.send(talk.roomId, alice.userId, step.type, damaged, [bob.userId]);
  await alice.engine.markSent(step.txnId, eventId);
  await bob.sync();
  t.equal(bob.texts(talk).at(-1), 'waiting: decryption-failed');
  clock.ms += 5_000;
  for (const phone of [bob, alice, bob]) await phone.sync();
  t.equal(bob.texts(talk).at(-1), 'damaged');
  t.equal(bob.store.count('retryRequests'), 0);
});

t.test('retry requests are bounded, and answered only to those who were meant', async (t) => {
  const { office, clock, alice, bob, talk, phone } = await pair(true);
  const mallory = await phone('mallory').setUp();
  const secretId = await alice.say(talk, 'for bob only');
  await bob.sync();
  await mallory.say({ ...talk, members: [mallory.userId, alice.userId] }, 'hello');
  await alice.sync();
  // Mallory asks for bob's message; the server plays along with an event in alice's name.
  mallory.inbox.events.push({
    roomId: talk.roomId,
    event: {
      event_id: secretId,
      sender: alice.userId,
      type: encrypted,
      content: {
        algorithm: 'dev.candor.signal.pqxdh.v1',
        sender_device: 'PHONE',
        ciphertext: { [addressOf(mallory.userId, 'PHONE')]: { type: 2, body: 'AAAA' } },
        part_hashes: { [addressOf(mallory.userId, 'PHONE')]: 'nothing' },
      },
      origin_server_ts: 1,
    },
  });
  const before = office.claims.length;
  await mallory.sync();
  for (let i = 0; i < 20; i++) {
    clock.ms += hour;
    await mallory.sync();
    await alice.sync();
    await mallory.sync();
  }
  t.equal(mallory.row(talk, secretId)?.state, 'waiting');
  t.equal(mallory.row(talk, secretId)?.content, null);
  t.equal(office.claims.length - before, 3, 'three attempts and no more');
});

t.test('device ids and event ids may be names of the prototype', async (t) => {
  const { office, phone, room } = testWorld();
  const [alice, bob] = [phone('alice', 'constructor'), phone('bob', '__proto__')];
  await setUp(alice, bob);
  for (const direct of [true, false]) {
    const talk = room(direct, alice, bob);
    await alice.say(talk, 'to __proto__');
    await bob.sync();
    await bob.say(talk, 'to constructor');
    await alice.sync();
    t.same(alice.texts(talk), ['to __proto__', 'to constructor']);
    const step = await alice.ready(talk, JSON.parse('{"__proto__":{"admin":true},"body":"b"}'));
    office.send(talk.roomId, alice.userId, step.type, step.content, [bob.userId]);
    const { events } = await bob.sync();
    t.equal(JSON.stringify(events.at(-1)?.content), '{"__proto__":{"admin":true},"body":"b"}');
  }
  t.equal(Reflect.get({}, 'admin'), undefined);
});
