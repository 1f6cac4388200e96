import t from 'tap';
import type { Phone } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';
import { addressOf } from './address.ts';

const hour = 3_600_000;
const encrypted = 'm.room.encrypted';

const setUp = (...phones: Phone[]) => Promise.all(phones.map((phone) => phone.setUp()));

const pair = async (direct: boolean) => {
  const world = testWorld();
  const [alice, bob] = [world.phone('alice'), world.phone('bob')];
  await setUp(alice, bob);
  return { ...world, alice, bob, talk: world.room(direct, alice, bob) };
};

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

t.test('a device whose user is not trusted any more gets no answer', async (t) => {
  for (const trusted of [true, false]) {
    const { alice, bob, talk, phone } = await pair(true);
    const eventId = await alice.say(talk, 'for bob');
    await bob.sync();
    await bob.say(talk, 'reply');
    await alice.sync();
    if (!trusted) {
      await phone('bob', 'NEW').setUp();
      await alice.sync();
    }
    const content = { event_ids: [eventId, '$unknown', 5] };
    await bob.sendAnything(alice, 'dev.candor.signal.retry_request', talk.roomId, content);
    const { toDevice } = await alice.read();
    t.equal(toDevice[0]?.state, 'decrypted');
    t.equal(alice.store.count('toDeviceOutbox'), trusted ? 1 : 0);
  }
});

t.test('answers to one device about one event are few and not close together', async (t) => {
  const { clock, alice, bob, talk } = await pair(true);
  const eventId = await alice.say(talk, 'for bob');
  await bob.sync();
  await bob.say(talk, 'reply');
  await alice.sync();
  const ask = async () => {
    const content = { event_ids: [eventId] };
    await bob.sendAnything(alice, 'dev.candor.signal.retry_request', talk.roomId, content);
    await alice.read();
    return alice.store.count('toDeviceOutbox');
  };
  t.same([await ask(), await ask()], [1, 1]);
  for (let i = 0; i < 10; i++) {
    clock.ms += 60_000;
    await ask();
  }
  t.equal(alice.store.count('toDeviceOutbox'), 3);
});
