import t from 'tap';
import type { Phone } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';

t.setTimeout(300_000);

const hour = 3_600_000;
const setUp = (...phones: Phone[]) => Promise.all(phones.map((phone) => phone.setUp()));

for (const direct of [true, false]) {
  const kind = direct ? 'a direct room' : 'a group';

  t.test(`two users talk in ${kind}`, async (t) => {
    const { phone, room } = testWorld();
    const [alice, bob] = [phone('alice'), phone('bob')];
    await setUp(alice, bob);
    const talk = room(direct, alice, bob);
    await alice.say(talk, 'hello');
    await bob.sync();
    await bob.say(talk, 'hello to you');
    await alice.sync();
    await alice.say(talk, 'how are you');
    await bob.sync();
    const said = ['hello', 'hello to you', 'how are you'];
    t.same(bob.texts(talk), said);
    t.same(alice.texts(talk), said);
  });

  t.test(`both start at once in ${kind}`, async (t) => {
    const { phone, room } = testWorld();
    const [alice, bob] = [phone('alice'), phone('bob')];
    await setUp(alice, bob);
    const talk = room(direct, alice, bob);
    await Promise.all([alice.say(talk, 'from alice'), bob.say(talk, 'from bob')]);
    await Promise.all([alice.sync(), bob.sync()]);
    for (const [i, phone] of [alice, bob, alice, bob].entries()) {
      await phone.say(talk, `message ${i}`);
      await Promise.all([alice.sync(), bob.sync()]);
    }
    const said = ['from alice', 'from bob', 'message 0', 'message 1', 'message 2', 'message 3'];
    t.same(alice.texts(talk).sort(), said);
    t.same(bob.texts(talk).sort(), said);
  });

  t.test(`messages in ${kind} may come late, doubled and in any order`, async (t) => {
    const { phone, room } = testWorld();
    const [alice, bob] = [phone('alice'), phone('bob')];
    await setUp(alice, bob);
    const talk = room(direct, alice, bob);
    for (let i = 0; i < 5; i++) await alice.say(talk, `message ${i}`);
    bob.inbox.events.reverse();
    bob.inbox.events.push(...bob.inbox.events);
    await bob.sync();
    t.same(
      bob.texts(talk),
      [4, 3, 2, 1, 0].map((i) => `message ${i}`),
    );
  });

  t.test(`messages in ${kind} wait for a user who is offline`, async (t) => {
    const { phone, room } = testWorld();
    const [alice, bob] = [phone('alice'), phone('bob')];
    await setUp(alice, bob);
    const talk = room(direct, alice, bob);
    await alice.say(talk, 'one');
    alice.restart();
    await alice.say(talk, 'two');
    bob.restart();
    await bob.sync();
    t.same(bob.texts(talk), ['one', 'two']);
  });

  t.test(
    `a second device of a user reads and writes in ${kind}, and own messages too`,
    async (t) => {
      const { phone, room } = testWorld();
      const [alice, bob, tablet] = [phone('alice'), phone('bob'), phone('alice', 'TABLET')];
      await setUp(alice, bob);
      const talk = room(direct, alice, bob);
      t.same(tablet.inbox.events, [], 'signed in, and it will be given what comes');
      await alice.say(talk, 'before the tablet');
      await bob.sync();
      await tablet.setUp(alice);
      await Promise.all([alice.sync(), bob.sync(), tablet.sync()]);
      await alice.say(talk, 'from the phone');
      await bob.say(talk, 'from bob');
      await Promise.all([alice.sync(), bob.sync(), tablet.sync()]);
      await tablet.say(talk, 'from the tablet');
      await Promise.all([alice.sync(), bob.sync(), tablet.sync()]);
      const since = ['from the phone', 'from bob', 'from the tablet'];
      t.same(alice.texts(talk), ['before the tablet', ...since]);
      t.same(bob.texts(talk), ['before the tablet', ...since]);
      const earlier = direct ? 'not-for-this-device' : 'before-distribution';
      t.same(tablet.texts(talk), [`undecryptable: ${earlier}`, ...since]);
    },
  );

  t.test(
    `${direct ? '2 000' : '90'} messages of ${kind} are skipped and read afterwards`,
    async (t) => {
      const { phone, room } = testWorld();
      const [alice, bob] = [phone('alice'), phone('bob')];
      await setUp(alice, bob);
      const talk = room(direct, alice, bob);
      await alice.say(talk, 'first');
      await bob.sync();
      await bob.say(talk, 'reply');
      await Promise.all([alice.sync(), bob.sync()]);
      const contents = [];
      for (let i = 0; i < (direct ? 2_001 : 90); i++) {
        const step = await alice.ready(talk, { body: `message ${i}` });
        await alice.perform(step.toDevice);
        contents.push(step.content);
      }
      for (const content of contents.reverse()) {
        alice.office.send(talk.roomId, alice.userId, 'm.room.encrypted', content, [bob.userId]);
      }
      const { events } = await bob.read();
      t.equal(events.length, contents.length);
      t.ok(events.every(({ state }) => state === 'decrypted'));
      t.equal(events.at(-1)?.content?.['body'], 'message 0');
    },
  );
}

t.test(
  'large direct messages and those to many devices travel as parts beside the event',
  async (t) => {
    const { phone, room } = testWorld();
    const [alice, bob] = [phone('alice'), phone('bob')];
    await setUp(alice, bob);
    const talk = room(true, alice, bob);
    const body = 'x'.repeat(30_000);
    const large = await alice.ready(talk, { body });
    t.ok(JSON.stringify(large.content).length < 65_000);
    const tablets = [];
    for (let i = 0; i < 21; i++) tablets.push(await phone('bob', `TABLET${i}`).setUp(bob));
    await alice.sync();
    const many = await alice.ready(talk, { body: 'to many' });
    t.equal(many.content['ciphertext'], undefined);
    t.equal(Object.keys(many.content['part_hashes'] ?? {}).length, 22);
    t.ok(many.toDevice.every(({ body }) => JSON.stringify(body).length < 65_000));

    // The event before its parts: it waits, and is read when they come.
    alice.office.send(talk.roomId, alice.userId, many.type, many.content, [bob.userId]);
    await Promise.all([bob.sync(), tablets[20]?.sync()]);
    t.same(bob.texts(talk), ['waiting: missing-part']);
    await alice.perform(many.toDevice);
    const { updated } = await bob.sync();
    t.same(
      updated.map(({ content }) => content),
      [{ body: 'to many' }],
    );
    await tablets[20]?.sync();
    t.same(tablets[20]?.texts(talk), ['to many']);
    t.equal(bob.store.count('messageParts'), 0);
  },
);

t.test('content too large to encrypt is refused', async (t) => {
  const { phone, room } = testWorld();
  const [alice, bob] = [phone('alice'), phone('bob')];
  await setUp(alice, bob);
  const content = { body: '€'.repeat(13_000) };
  await t.rejects(alice.encrypt(room(true, alice, bob), content), /too large/);
  await t.rejects(alice.encrypt(room(false, alice, bob), content), /too large/);
});

t.test('a member who left cannot read on, one who joined cannot read back', async (t) => {
  const { phone, room } = testWorld();
  const [alice, bob, carol, dave] = [phone('alice'), phone('bob'), phone('carol'), phone('dave')];
  await setUp(alice, bob, carol, dave);
  const everybody = [alice, bob, carol, dave].map(({ userId }) => userId);
  const group = room(false, alice, bob, carol);
  await alice.say(group, 'with carol', everybody);
  await Promise.all([bob.sync(), carol.sync()]);
  group.members = [alice.userId, bob.userId, dave.userId];
  await alice.say(group, 'with dave', everybody);
  await bob.sync();
  await bob.say(group, 'from bob', everybody);
  await Promise.all([alice, bob, carol, dave].map((phone) => phone.sync()));
  t.same(bob.texts(group), ['with carol', 'with dave', 'from bob']);
  t.same(carol.texts(group), [
    'with carol',
    'waiting: missing-distribution',
    'waiting: missing-distribution',
  ]);
  t.same(dave.texts(group), ['waiting: missing-distribution', 'with dave', 'from bob']);

  // Asking does not help either of them.
  alice.clock.ms += hour;
  for (let i = 0; i < 3; i++) for (const phone of [carol, dave, alice, bob]) await phone.sync();
  t.same(
    carol.texts(group).filter((text) => text.startsWith('with')),
    ['with carol'],
  );
  t.same(dave.texts(group).slice(0, 1), ['waiting: missing-distribution']);
});

t.test('a joiner reads from its first message on, in the running epoch', async (t) => {
  const { phone, room } = testWorld();
  const [alice, bob, carol] = [phone('alice'), phone('bob'), phone('carol')];
  await setUp(alice, bob, carol);
  const everybody = [alice, bob, carol].map(({ userId }) => userId);
  const group = room(false, alice, bob);
  await alice.say(group, 'before', everybody);
  group.members = everybody;
  await alice.say(group, 'after', everybody);
  await Promise.all([bob.sync(), carol.sync()]);
  t.equal(alice.store.count('senderKeyEpochs'), 1);
  t.same(bob.texts(group), ['before', 'after']);
  t.same(carol.texts(group), ['undecryptable: before-distribution', 'after']);
});

t.test('epochs end by count, by time, and when a device is removed', async (t) => {
  const { office, clock, phone, room } = testWorld();
  const [alice, bob, tablet] = [phone('alice'), phone('bob'), phone('bob', 'TABLET')];
  await setUp(alice, bob);
  await tablet.setUp(bob);
  const group = room(false, alice, bob);
  const distributionOf = async (): Promise<string> => {
    const row = alice.row(group, await alice.say(group, 'message'));
    return row?.distributionId ?? '';
  };
  const ids = new Set<string>();
  for (let i = 0; i < 100; i++) ids.add(await distributionOf());
  t.equal(ids.size, 1);
  const second = await distributionOf();
  t.notOk(ids.has(second), 'by count');
  clock.ms += 7 * 24 * hour - 1;
  t.equal(await distributionOf(), second);
  clock.ms += 1;
  const third = await distributionOf();
  t.not(third, second, 'by time');
  office.removeDevice('@bob:bob.example', 'TABLET');
  await alice.sync();
  t.not(await distributionOf(), third, 'by a removed device');
  const open = alice.store.all('senderKeyEpochs', { where: { endedAt: null } });
  t.equal(open.length, 1);
  const kept = alice.store.all('senderKeys', { where: { roomId: group.roomId } });
  t.equal(kept.length, 1, 'the chains of ended epochs are gone');
});

t.test('relations travel outside the ciphertext and come back inside the content', async (t) => {
  const { phone, room } = testWorld();
  const [alice, bob] = [phone('alice'), phone('bob')];
  await setUp(alice, bob);
  const talk = room(true, alice, bob);
  const relation = { rel_type: 'm.thread', event_id: '$root' };
  const step = await alice.ready(talk, { body: 'in a thread', 'm.relates_to': relation });
  t.same(step.content['m.relates_to'], relation);
  alice.office.send(talk.roomId, alice.userId, step.type, step.content, talk.members);
  const { updated } = await bob.sync();
  t.same(updated[0]?.content, { body: 'in a thread', 'm.relates_to': relation });
});

t.test(
  'the echo of an own event is known again before and after the answer to its sending',
  async (t) => {
    const { phone, room } = testWorld();
    const [alice, bob] = [phone('alice'), phone('bob')];
    await setUp(alice, bob);
    const group = room(false, alice, bob);
    const step = await alice.ready(group, { body: 'echo' }, 'txn1');
    t.same(
      await alice.encrypt(group, { body: 'echo' }, 'txn1'),
      step,
      'asked twice, encrypted once',
    );
    const eventId = alice.office.send(
      group.roomId,
      alice.userId,
      step.type,
      step.content,
      group.members,
    );
    const { events } = await alice.sync();
    t.same(events[0]?.content, { body: 'echo' });
    t.equal(events[0]?.txnId, 'txn1');
    t.equal(await alice.engine.markSent('txn1', eventId), undefined);
    t.equal(alice.store.count('sendQueue'), 0);
    t.same(alice.texts(group), ['echo']);
  },
);

t.test('a user whose server is away does not hold up the others', async (t) => {
  const { office, clock, phone, room } = testWorld();
  const [alice, bob, carol] = [phone('alice'), phone('bob'), phone('carol')];
  await setUp(alice, bob, carol);
  const group = room(false, alice, bob, carol);
  office.unreachable.add('carol.example');
  await alice.say(group, 'without carol');
  await bob.sync();
  t.same(bob.texts(group), ['without carol']);
  office.unreachable.clear();
  clock.ms += hour;
  await alice.sync();
  await alice.say(group, 'with carol');
  await carol.sync();
  t.equal(carol.texts(group).at(-1), 'with carol');
});
