import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isObject } from '@candor/federation';
import { PreKeySignalMessage, SenderKeyMessage, SignalMessage } from '@signalapp/libsignal-client';
import t from 'tap';
import { openMemoryStore } from '../stores/memory-store.ts';
import { openSqlcipherStore } from '../stores/sqlcipher-store.ts';
import type { Store } from '../stores/store.ts';
import { type TableName, tables } from '../stores/tables.ts';
import { Phone } from '../testing/phone.ts';
import { PostOffice } from '../testing/post-office.ts';
import { testWorld } from '../testing/world.ts';
import { addressOf } from './address.ts';
import { memberOf } from './member-of.ts';

const folder = mkdtempSync(join(tmpdir(), 'candor-engine-'));
let files = 0;
const newPath = (): string => join(folder, `engine-${++files}.db`);
const key = new Uint8Array(32).fill(3);

const setUp = (...phones: Phone[]) => Promise.all(phones.map((phone) => phone.setUp()));

const names = Object.keys(tables) as TableName[];
/** Every row of a store as text, to compare states. */
const dump = (store: Store): string => {
  const bytes = (_: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  return names.map((name) => JSON.stringify([name, store.all(name)], bytes)).join('\n');
};
/** A copy of everything a device has, as a thief would take it. */
const cloneOf = (store: Store): Store => {
  const clone = openMemoryStore();
  clone.transaction((tx) => {
    for (const name of names) for (const row of store.all(name)) tx.put(name, row);
  });
  return clone;
};

const pair = async (direct: boolean, open: () => Store = openMemoryStore) => {
  const world = testWorld();
  const [alice, bob] = [world.phone('alice', 'PHONE', open()), world.phone('bob', 'PHONE', open())];
  await setUp(alice, bob);
  return { ...world, alice, bob, talk: world.room(direct, alice, bob) };
};

const rounds = async (clock: { ms: number }, ...phones: Phone[]): Promise<void> => {
  clock.ms += 5_000;
  for (const phone of phones) await phone.sync();
};

const stores: [string, () => Store][] = [
  ['in memory', openMemoryStore],
  ['SQLCipher', () => openSqlcipherStore(newPath(), key)],
];

for (const [name, open] of stores) {
  t.test(`${name}: a lost distribution is recovered by asking for it`, async (t) => {
    const { clock, alice, bob, talk } = await pair(false, open);
    await alice.say(talk, 'one');
    await alice.say(talk, 'two');
    bob.inbox.toDevice.splice(0);
    await bob.sync();
    t.same(bob.texts(talk), ['waiting: missing-distribution', 'waiting: missing-distribution']);
    await rounds(clock, bob, alice, bob);
    t.same(bob.texts(talk), ['one', 'two']);
    await alice.say(talk, 'three');
    await bob.sync();
    t.equal(bob.texts(talk).at(-1), 'three');
  });

  t.test(`${name}: a throw while a batch is written leaves no half state`, async (t) => {
    for (const direct of [true, false]) {
      const { alice, bob, talk } = await pair(direct, open);
      await alice.say(talk, 'first');
      await bob.sync();
      await alice.say(talk, 'second');
      const { events, toDevice } = bob.inbox;
      const batch = {
        toDevice,
        rooms: [{ roomId: talk.roomId, events: events.map(({ event }) => event) }],
      };
      const before = dump(bob.store);
      const crash = new Error('crash');
      await t.rejects(
        bob.engine.receive(batch, () => {
          throw crash;
        }),
        crash,
      );
      t.equal(dump(bob.store), before);
      bob.restart();
      const { events: rows } = await bob.engine.receive(batch, (tx) => {
        tx.put('clientState', { name: 'sync token', value: 's1' });
      });
      t.same(
        rows.map(({ content }) => content?.['body']),
        ['second'],
      );
      t.equal(bob.store.get('clientState', { name: 'sync token' })?.value, 's1');
      const again = await bob.engine.receive(batch);
      t.same(again.events, rows, 'the same batch again changes nothing');
    }
  });

  t.test(`${name}: what was encrypted survives a crash before it was sent`, async (t) => {
    const { alice, bob, talk } = await pair(false, open);
    const step = await alice.ready(talk, { body: 'kept' }, 'txn');
    alice.restart();
    const again = await alice.ready(talk, { body: 'kept' }, 'txn');
    t.same(again, step);
    await alice.perform(again.toDevice);
    alice.office.send(talk.roomId, alice.userId, again.type, again.content, talk.members);
    await bob.sync();
    t.same(bob.texts(talk), ['kept']);
    t.same((await alice.ready(talk, { body: 'kept' }, 'txn')).toDevice, []);
  });
}

const countersOf = (contents: readonly unknown[], address: string): number[] =>
  contents.map((content) => {
    const share = memberOf(memberOf(content, 'ciphertext'), address);
    if (isObject(share)) {
      const bytes = new Uint8Array(Buffer.from(String(share['body']), 'base64'));
      if (share['type'] === 2) return SignalMessage.deserialize(bytes).counter();
      // The inner message of a first message follows its keys; its counter is not exposed.
      return PreKeySignalMessage.deserialize(bytes).serialize().length;
    }
    const text = String(memberOf(content, 'ciphertext'));
    return SenderKeyMessage.deserialize(new Uint8Array(Buffer.from(text, 'base64'))).iteration();
  });

for (const direct of [true, false]) {
  t.test(`parallel ${direct ? 'direct' : 'group'} sends never use a counter twice`, async (t) => {
    const { alice, bob, talk } = await pair(direct);
    await alice.say(talk, 'hello');
    await bob.sync();
    await bob.say(talk, 'hello');
    await Promise.all([alice.sync(), bob.sync()]);
    const texts = Array.from({ length: 40 }, (_, i) => `parallel ${i}`);
    const steps = await Promise.all(texts.map((body) => alice.ready(talk, { body })));
    const contents = steps.map(({ content }) => content);
    const counters = countersOf(contents, addressOf(bob.userId, 'PHONE'));
    t.equal(new Set(counters).size, texts.length);
    for (const { type, content } of steps) {
      alice.office.send(talk.roomId, alice.userId, type, content, [bob.userId]);
    }
    const { events } = await bob.sync();
    t.same(
      events.map(({ content }) => content?.['body']),
      texts,
    );
  });
}

t.test('a session whose state leaked heals with the exchange after the next', async (t) => {
  const { office, clock, alice, bob, talk } = await pair(true);
  for (const phone of [alice, bob, alice, bob]) {
    await phone.say(talk, 'before');
    await Promise.all([alice.sync(), bob.sync()]);
  }
  const stolen = cloneOf(alice.store);
  const thief = new Phone(new PostOffice(), { ...clock }, alice.userId, 'PHONE', stolen);
  const overheard = async (from: Phone, body: string) => {
    const step = await from.ready(talk, { body });
    const eventId = office.send(talk.roomId, from.userId, step.type, step.content, talk.members);
    await from.engine.markSent(step.txnId, eventId);
    const event = {
      event_id: eventId,
      sender: from.userId,
      type: step.type,
      content: step.content,
      origin_server_ts: 1,
    };
    const { events } = await thief.engine.receive({
      rooms: [{ roomId: talk.roomId, events: [event] }],
    });
    await Promise.all([alice.sync(), bob.sync()]);
    return events[0]?.content?.['body'];
  };
  t.equal(await overheard(bob, 'still readable'), 'still readable', 'the copy is good');
  // Alice's stolen ratchet key is used once more; her next one was made after the theft.
  await overheard(alice, 'under the stolen key');
  await overheard(bob, 'to the stolen key');
  await overheard(alice, 'under a new key');
  t.equal(await overheard(bob, 'healed'), undefined);
  t.equal(alice.texts(talk).at(-1), 'healed');
});

t.test('a device that lost its sessions reads again after asking', async (t) => {
  const { clock, alice, bob, talk } = await pair(true);
  await alice.say(talk, 'one');
  await bob.sync();
  await bob.say(talk, 'two');
  await Promise.all([alice.sync(), bob.sync()]);
  bob.store.transaction((tx) => tx.delete('sessions', {}));
  await alice.say(talk, 'three');
  await bob.sync();
  t.equal(bob.texts(talk).at(-1), 'waiting: decryption-failed');
  await rounds(clock, bob, alice, bob);
  t.equal(bob.texts(talk).at(-1), 'three');
  await alice.say(talk, 'four');
  await bob.sync();
  t.equal(bob.texts(talk).at(-1), 'four');
});

t.test('a session nobody answered for 30 days is started anew', async (t) => {
  const { office, clock, alice, bob, talk } = await pair(true);
  await alice.say(talk, 'one');
  const before = office.claims.length;
  clock.ms += 29 * 86_400_000;
  await alice.say(talk, 'two');
  t.equal(office.claims.length, before);
  clock.ms += 2 * 86_400_000;
  await alice.say(talk, 'three');
  t.equal(office.claims.length, before + 1);
  await bob.sync();
  t.same(bob.texts(talk), ['one', 'two', 'three']);
});

t.test('an event that is given up still hands out its distribution', async (t) => {
  const { alice, bob, talk } = await pair(false);
  const step = await alice.ready(talk, { body: 'given up' });
  await alice.engine.abandon(step.txnId);
  await alice.settle();
  await alice.say(talk, 'sent');
  await bob.sync();
  t.same(bob.texts(talk), ['sent']);
});

t.test('the file of a whole conversation shows neither texts nor keys', async (t) => {
  const path = newPath();
  const world = testWorld();
  const carol = world.phone('carol', 'PHONE', openSqlcipherStore(path, key));
  await carol.setUp();
  const own = world.room(false, carol);
  await carol.say(own, 'MARKER-OF-THE-TEXT');
  t.same(carol.texts(own), ['MARKER-OF-THE-TEXT']);
  const identity = carol.store.get('deviceIdentity', { userId: carol.userId });
  const secrets = carol.store.get('crossSigningSecrets', { userId: carol.userId });
  const needles = [
    Buffer.from('MARKER-OF-THE-TEXT'),
    Buffer.from(carol.userId),
    ...[identity?.deviceKeySeed, identity?.signalIdentity, secrets?.master].map((bytes) =>
      Buffer.from(bytes ?? new Uint8Array()),
    ),
  ];
  for (const name of readdirSync(folder).filter((file) => join(folder, file).startsWith(path))) {
    const written = readFileSync(join(folder, name));
    for (const needle of needles) {
      t.ok(needle.length > 8);
      t.equal(written.includes(needle), false, name);
      t.equal(written.includes(needle.toString('base64').slice(0, -4)), false, name);
    }
  }
});
