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
import { memberOf } from './member-of.ts';
import { partHash } from './part-hash.ts';
import { plaintext } from './plaintext.ts';
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
    const bytes = plaintext.write({
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
    return senderKeys.encrypt(tx, context, group.roomId, ownDistribution, bytes);
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

t.test("another device cannot supply a message's part nor answer in its place", async (t) => {
  const { office, alice, bob, talk, phone, room } = await pair(true);
  const mallory = await phone('mallory').setUp();
  await alice.say(talk, 'hello');
  await mallory.say(room(true, mallory, bob), 'hello');
  await bob.sync();
  const lie = {
    v: 1,
    room_id: talk.roomId,
    sender: alice.userId,
    sender_device: 'PHONE',
    type: 'm.room.message',
    content: { body: 'forged' },
    txn_id: 'x',
  };
  const own = addressOf(bob.userId, bob.deviceId);
  const part = await mallory.sendAnything(bob, 'dev.candor.signal.part', talk.roomId, lie);
  const share = memberOf(memberOf(part['ciphertext'], own), 'body');
  const content = {
    algorithm: 'dev.candor.signal.pqxdh.v1',
    sender_device: 'PHONE',
    part_hashes: { [own]: partHash(String(share)) },
  };
  office.send(talk.roomId, alice.userId, encrypted, content, [bob.userId]);
  const missing = { ...content, part_hashes: { [own]: 'never sent' } };
  const eventId = office.send(talk.roomId, alice.userId, encrypted, missing, [bob.userId]);
  await bob.sync();
  t.same(bob.texts(talk), ['hello', 'refused: forged', 'waiting: missing-part']);
  const answer = { event_id: eventId, envelope: lie };
  await mallory.sendAnything(bob, 'dev.candor.signal.resend', talk.roomId, answer);
  await bob.sync();
  t.equal(bob.texts(talk).at(-1), 'waiting: missing-part');
  await alice.sendAnything(bob, 'dev.candor.signal.resend', talk.roomId, {
    event_id: eventId,
    envelope: { ...lie, content: { body: 'from alice', 'm.relates_to': { event_id: '$x' } } },
  });
  await bob.sync();
  t.same(bob.row(talk, eventId)?.content, { body: 'from alice' }, 'relations stay outside');
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
