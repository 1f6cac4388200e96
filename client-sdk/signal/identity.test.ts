import { createHash, randomUUID } from 'node:crypto';
import { limits } from '@candor/spec';
import t from 'tap';
import type { Phone } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';
import { addressOf } from './address.ts';

t.setTimeout(300_000);

const encrypted = 'm.room.encrypted';

const setUp = (...phones: Phone[]) => Promise.all(phones.map((phone) => phone.setUp()));

const pair = async (direct: boolean) => {
  const world = testWorld();
  const [alice, bob] = [world.phone('alice'), world.phone('bob')];
  await setUp(alice, bob);
  return { ...world, alice, bob, talk: world.room(direct, alice, bob) };
};

t.test('a changed identity is a stored warning that blocks until it is accepted', async (t) => {
  for (const how of ['acknowledge', 'verify'] as const) {
    const { alice, bob, talk, phone, room } = await pair(true);
    const group = room(false, alice, bob);
    await alice.say(talk, 'before');
    const pinned = alice.engine.trustOf(bob.userId);
    t.equal(pinned.state, 'pinned');
    if (how === 'verify') await alice.engine.verify(bob.userId, pinned.masterKey ?? '');

    const newBob = phone('bob', 'NEW');
    await newBob.setUp();
    await alice.sync();
    alice.restart();
    const [warning, ...others] = alice.engine.warnings();
    t.equal(others.length, 0);
    t.match(warning, { userId: bob.userId, kind: 'identity-changed' });
    t.equal(warning?.detail['wasVerified'], how === 'verify');
    const blocked = { status: 'blocked', reason: 'identity-changed', userIds: [bob.userId] };
    t.same(await alice.encrypt(talk, { body: 'blocked' }), blocked);
    t.same(await alice.encrypt(group, { body: 'blocked' }), blocked);
    t.notOk(alice.engine.devicesOf(bob.userId).some(({ eligible }) => eligible));

    // What the new identity writes is kept, not shown.
    await newBob.say(talk, 'it is me');
    await alice.sync();
    t.equal(alice.texts(talk).at(-1), 'waiting: identity-changed');

    const offered = alice.engine.trustOf(bob.userId);
    t.equal(offered.state, 'changed');
    t.equal(await alice.engine[how](bob.userId, pinned.masterKey ?? ''), undefined, 'the old key');
    t.equal(alice.engine.trustOf(bob.userId).state, 'changed');
    const accepted = await alice.engine[how](bob.userId, offered.masterKey ?? '');
    t.same(
      accepted?.updated.map(({ content }) => content?.['body']),
      ['it is me'],
    );
    const state = how === 'verify' ? 'verified' : 'acknowledged';
    t.equal(alice.engine.trustOf(bob.userId).state, state);
    t.same(alice.engine.warnings(), []);
    const step = await alice.ready(talk, { body: 'after' });
    const addresses = Object.keys(step.content['ciphertext'] ?? {});
    t.same(addresses, [addressOf(bob.userId, 'NEW')], 'only devices of the accepted identity');
  }
});

t.test('a device that its user did not sign gets nothing and is not believed', async (t) => {
  const { alice, bob, talk, phone } = await pair(true);
  const ghost = phone('bob', 'GHOST');
  await ghost.settle();
  await alice.sync();
  const step = await alice.ready(talk, { body: 'for bob' });
  t.same(Object.keys(step.content['ciphertext'] ?? {}), [addressOf(bob.userId, 'PHONE')]);
  t.same(step.withheld, [{ userId: bob.userId, deviceId: 'GHOST', reason: 'not-signed' }]);
  const shown = alice.engine.devicesOf(bob.userId);
  t.same(
    shown.map(({ deviceId, eligible }) => [deviceId, eligible]),
    [
      ['PHONE', true],
      ['GHOST', false],
    ],
  );
  const own = await ghost.encrypt(talk, { body: 'from the ghost' });
  t.match(own, { status: 'blocked', reason: 'own-device-not-signed' });
  const content = { ...step.content, sender_device: 'GHOST' };
  alice.office.send(talk.roomId, bob.userId, encrypted, content, [alice.userId]);
  await alice.sync();
  t.equal(alice.texts(talk).at(-1), 'waiting: device-not-signed');
});

t.test("a self-signing key that the user's master key did not sign admits no device", async (t) => {
  const { office, alice, bob, talk } = await pair(true);
  await alice.say(talk, 'before');
  const elsewhere = testWorld();
  const impostor = await elsewhere.phone('bob', 'IMPOSTOR').setUp();
  const theirs = elsewhere.office.users.get(impostor.userId)?.crossSigning.get('self_signing_key');
  office.users.get(bob.userId)?.crossSigning.set('self_signing_key', theirs ?? {});
  const keys = elsewhere.office.device(impostor.userId, 'IMPOSTOR').keys;
  office.device(bob.userId, 'IMPOSTOR').keys = keys;
  alice.inbox.changed.add(bob.userId);
  await alice.sync();
  const step = await alice.ready(talk, { body: 'after' });
  t.same(Object.keys(step.content['ciphertext'] ?? {}), [addressOf(bob.userId, 'PHONE')]);
  t.same(step.withheld, [{ userId: bob.userId, deviceId: 'IMPOSTOR', reason: 'not-signed' }]);
});

t.test('a device id keeps its first keys for good', async (t) => {
  const { office, alice, bob, talk, phone } = await pair(true);
  await alice.say(talk, 'before');
  office.removeDevice(bob.userId, 'PHONE');
  await alice.sync();
  const impostor = phone('bob', 'PHONE');
  await impostor.settle();
  const sealed = bob.engine.exportCrossSigningSecret('p') ?? '';
  t.ok(await impostor.engine.importCrossSigningSecret(sealed, 'p'));
  await impostor.settle();
  await alice.sync();
  alice.restart();
  t.match(alice.engine.warnings(), [
    { userId: bob.userId, deviceId: 'PHONE', kind: 'device-keys-changed' },
  ]);
  const step = await alice.ready(talk, { body: 'after' });
  t.same(step.content['ciphertext'], {});
  t.same(step.withheld, [{ userId: bob.userId, deviceId: 'PHONE', reason: 'keys-changed' }]);
});

t.test('a server that shows our own device with other keys is noticed', async (t) => {
  const { office, alice, bob } = await pair(true);
  const record = office.device(alice.userId, 'PHONE');
  record.keys = office.device(bob.userId, 'PHONE').keys;
  const keys = JSON.stringify(record.keys).replaceAll('@bob:bob.example', alice.userId);
  record.keys = JSON.parse(keys);
  alice.inbox.changed.add(alice.userId);
  await alice.sync();
  t.same(alice.engine.warnings(), [], 'keys without their own signature are no keys');
  const other = testWorld();
  const twin = other.phone('alice');
  await twin.settle();
  record.keys = other.office.device(alice.userId, 'PHONE').keys;
  alice.inbox.changed.add(alice.userId);
  await alice.sync();
  t.match(alice.engine.warnings(), [{ kind: 'own-device-keys-differ', deviceId: 'PHONE' }]);
});

t.test('a list that changed while it was asked for is asked for again', async (t) => {
  const { office, alice, bob, talk, phone } = await pair(true);
  await alice.say(talk, 'before');
  await alice.engine.receive({ deviceLists: { changed: [bob.userId] } });
  const [request] = await alice.engine.outgoingRequests();
  if (request?.operation !== 'queryKeys') throw new Error('no query');
  const stale = office.answer(alice.userId, alice.deviceId, request);
  await phone('bob', 'TABLET').setUp(bob);
  await alice.read();
  await alice.engine.applyAnswer(request, stale);
  const step = await alice.ready(talk, { body: 'after' });
  t.equal(Object.keys(step.content['ciphertext'] ?? {}).length, 2);
});

t.test(
  'a user with whom no room is shared any more is not asked for until there is one',
  async (t) => {
    const { office, alice, bob, talk, phone } = await pair(true);
    await alice.say(talk, 'before');
    const pinned = alice.engine.trustOf(bob.userId);
    const left = { deviceLists: { left: [bob.userId, alice.userId] } };
    await alice.engine.receive(left);
    t.same(await alice.engine.outgoingRequests(), [], 'nobody asks, not even for our own keys');
    t.same(alice.engine.trustOf(bob.userId), pinned, 'what was pinned stays');

    // Meanwhile bob has another phone and has thrown the first away; alice's server did not say so.
    const tablet = await phone('bob', 'TABLET').setUp(bob);
    office.removeDevice(bob.userId, 'PHONE');
    alice.inbox.changed.clear();
    const step = await alice.ready(talk, { body: 'again' });
    t.same(Object.keys(step.content['ciphertext'] ?? {}), [addressOf(bob.userId, 'TABLET')]);
    t.same(alice.engine.warnings(), []);

    // A message of a device that is not known makes us ask as well.
    await alice.engine.receive(left);
    const third = await phone('bob', 'THIRD').setUp(tablet);
    alice.inbox.changed.clear();
    await third.say(talk, 'from another one');
    await alice.sync();
    t.equal(alice.texts(talk).at(-1), 'from another one');
  },
);

t.test('a user who comes back with another master key is warned of', async (t) => {
  for (const direct of [true, false]) {
    const { office, alice, bob, talk, phone } = await pair(direct);
    await alice.say(talk, 'before');
    await alice.engine.receive({ deviceLists: { left: [bob.userId] } });
    office.users.delete(bob.userId);
    await phone('bob', 'NEW').setUp();
    alice.inbox.changed.clear();
    await alice.sync();
    t.same(alice.engine.warnings(), [], 'it is not known yet');
    t.match(await alice.encrypt(talk, { body: 'again' }), { reason: 'identity-changed' });
    t.match(alice.engine.warnings(), [{ userId: bob.userId, kind: 'identity-changed' }]);
  }
});

t.test('a list that changed is asked for before what is queued goes out again', async (t) => {
  for (const direct of [true, false]) {
    const { office, alice, bob, talk, phone } = await pair(direct);
    await phone('bob', 'TABLET').setUp(bob);
    const first = await alice.ready(talk, { body: 'queued' }, 'txn');
    office.removeDevice(bob.userId, 'TABLET');
    await alice.read();
    const second = await alice.ready(talk, { body: 'queued' }, 'txn');
    t.not(JSON.stringify(second.content), JSON.stringify(first.content));
  }
});

t.test(
  'keys that are told although their server failed are used, and asked for again',
  async (t) => {
    const { office, clock, alice, bob, talk, phone } = await pair(true);
    /** Bob's server is said to be away, and this device is all that is known of before. */
    const answerPartly = async (deviceId: string) => {
      const event = { txnId: deviceId, ...talk, type: 'm.room.message', content: {} };
      const step = await alice.engine.encryptRoomEvent(event);
      const [query] = step.status === 'needs' ? step.requests : [];
      if (query?.operation !== 'queryKeys') throw new Error('no query');
      const answer = office.answer(alice.userId, alice.deviceId, query) as {
        device_keys: Record<string, Record<string, unknown>>;
      };
      const device_keys = {
        ...answer.device_keys,
        [bob.userId]: { [deviceId]: answer.device_keys[bob.userId]?.[deviceId] },
      };
      const failures = { [bob.userId.replace(/^[^:]*:/, '')]: { status: 503 } };
      await alice.engine.applyAnswer(query, { ...answer, device_keys, failures });
    };
    const reached = async () =>
      Object.keys((await alice.ready(talk, { body: 'x' })).content['ciphertext'] ?? {}).sort();

    await answerPartly('PHONE');
    t.same(await reached(), [addressOf(bob.userId, 'PHONE')]);
    t.same(await alice.engine.outgoingRequests(), [], 'not at once');
    await phone('bob', 'TABLET').setUp(bob);
    await alice.read();
    await answerPartly('TABLET');
    const both = ['PHONE', 'TABLET'].map((id) => addressOf(bob.userId, id));
    t.same(await reached(), both, 'what such an answer does not tell of is still there');
    office.removeDevice(bob.userId, 'PHONE');
    alice.inbox.changed.clear();
    clock.ms += limits.keyRequestBackoffMs;
    t.match(await alice.engine.outgoingRequests(), [{ operation: 'queryKeys' }], 'but later');
    t.same(await reached(), [addressOf(bob.userId, 'TABLET')]);
  },
);

t.test('a direct message asks soon again for keys that could not be had', async (t) => {
  const { office, clock, alice, bob, talk, room } = await pair(true);
  const group = room(false, alice, bob);
  office.unreachable.add('bob.example');
  t.same((await alice.ready(talk, { body: 'x' })).content['ciphertext'], {});
  const stepOf = (where: typeof talk) =>
    alice.engine.encryptRoomEvent({ txnId: randomUUID(), ...where, type: 'm', content: {} });
  t.match(await stepOf(talk), { status: 'ready' }, 'not at once');
  clock.ms += limits.keyRequestUrgentMs;
  t.match(await stepOf(group), { status: 'ready' }, 'a group does not wait for one member');
  t.same(await alice.engine.outgoingRequests(), []);
  const step = await stepOf(talk);
  t.match(step, { status: 'needs', requests: [{ operation: 'queryKeys' }] });
  if (step.status === 'needs') await alice.perform(step.requests);
  t.match(await stepOf(talk), { status: 'ready' }, 'and then not at once again');
  clock.ms += limits.keyRequestUrgentMs;
  office.unreachable.clear();
  const reached = Object.keys((await alice.ready(talk, { body: 'x' })).content['ciphertext'] ?? {});
  t.same(reached, [addressOf(bob.userId, 'PHONE')]);
});

t.test('malformed key answers harm nobody but themselves', async (t) => {
  const { office, alice, bob, talk, phone } = await pair(true);
  const carol = await phone('carol').setUp();
  const devices = office.users.get(bob.userId)?.devices;
  for (const keys of ['{"user_id":1}', '{"keys":{"x":1.5}}', '[]', '{"__proto__":{"keys":{}}}']) {
    const record = office.device(bob.userId, createHash('sha256').update(keys).digest('hex'));
    record.keys = JSON.parse(keys);
  }
  office.users
    .get(carol.userId)
    ?.crossSigning.set('self_signing_key', JSON.parse('{"keys":[1.5]}'));
  t.equal(devices?.size, 5);
  await alice.say(talk, 'hello bob');
  await bob.sync();
  t.same(bob.texts(talk), ['hello bob']);
  const step = await alice.ready({ ...talk, members: [alice.userId, carol.userId] }, { body: 'x' });
  t.same(step.withheld, [{ userId: carol.userId, deviceId: 'PHONE', reason: 'not-signed' }]);
});

t.test('a device knows where it stands with its own user', async (t) => {
  const { phone } = testWorld();
  const [first, second] = [phone('alice', 'FIRST'), phone('alice', 'SECOND')];
  t.equal(first.engine.ownIdentity(), 'unknown');
  await first.settle();
  t.equal(first.engine.ownIdentity(), 'none');
  t.equal(first.engine.exportCrossSigningSecret('p'), undefined);
  await first.engine.createCrossSigning();
  t.equal(first.engine.ownIdentity(), 'device-not-signed');
  await first.settle();
  t.equal(first.engine.ownIdentity(), 'device-signed');
  await second.settle();
  t.equal(second.engine.ownIdentity(), 'device-not-signed');
  const sealed = first.engine.exportCrossSigningSecret('p') ?? '';
  t.notOk(sealed.includes('m.cross_signing'));
  t.equal(await second.engine.importCrossSigningSecret(sealed, 'wrong'), false);
  t.equal(await second.engine.importCrossSigningSecret('{}', 'p'), false);
  t.equal(await second.engine.importCrossSigningSecret('no JSON', 'p'), false);
  const other = await testWorld().phone('alice', 'OTHER').setUp();
  const foreign = other.engine.exportCrossSigningSecret('p') ?? '';
  t.equal(await second.engine.importCrossSigningSecret(foreign, 'p'), false, 'another identity');
  const bobs = await phone('bob').setUp();
  const ofBob = bobs.engine.exportCrossSigningSecret('p') ?? '';
  t.equal(await second.engine.importCrossSigningSecret(ofBob, 'p'), false, 'another user');
  t.ok(await second.engine.importCrossSigningSecret(sealed, 'p'));
  await second.settle();
  t.equal(second.engine.ownIdentity(), 'device-signed');
});

t.test('verifying a user signs their master key for our other devices', async (t) => {
  const { office, alice, bob, talk } = await pair(true);
  await alice.say(talk, 'hello');
  const { masterKey } = alice.engine.trustOf(bob.userId);
  await alice.engine.verify(bob.userId, masterKey ?? '');
  await alice.settle();
  const master = office.users.get(bob.userId)?.crossSigning.get('master_key');
  const signers = Object.keys(master?.['signatures'] ?? {});
  t.same(signers.sort(), [alice.userId, bob.userId]);
});

t.test('our own identity replaced by the server blocks and warns', async (t) => {
  const { alice, talk, phone } = await pair(true);
  await phone('alice', 'IMPOSTOR').setUp();
  const { warnings } = await alice.sync();
  t.match(warnings, [{ kind: 'own-identity-differs', userId: alice.userId }]);
  t.equal((await alice.encrypt(talk, { body: 'x' })).status, 'blocked');
});

for (const direct of [true, false]) {
  t.test(
    `a ${direct ? 'direct' : 'group'} event in the queue is encrypted anew when a reader is gone`,
    async (t) => {
      const { office, alice, bob, talk, phone } = await pair(direct);
      const tablet = await phone('bob', 'TABLET').setUp(bob);
      const first = await alice.ready(talk, { body: 'queued' }, 'txn');
      await alice.perform(first.toDevice);
      office.removeDevice(bob.userId, 'TABLET');
      await alice.sync();
      const second = await alice.ready(talk, { body: 'queued' }, 'txn');
      t.not(JSON.stringify(second.content), JSON.stringify(first.content));
      await alice.perform(second.toDevice);
      alice.office.send(talk.roomId, alice.userId, second.type, second.content, [bob.userId]);
      await bob.sync();
      t.same(bob.texts(talk), ['queued']);
      t.equal(tablet.store.count('timeline'), 0);
      t.same((await alice.ready(talk, { body: 'queued' }, 'txn')).content, second.content);
    },
  );
}
