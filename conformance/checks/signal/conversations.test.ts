import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Candor, CandorError } from '@candor/client-sdk';
import { clientServer } from '@candor/spec';
import t, { type Test } from 'tap';
import { startDeployment } from '../../deployment.ts';
import { waitUntil } from '../../interop/wait-until.ts';
import { type Person, personOf, type SignInOptions, signIn, waitFor } from './person.ts';

t.setTimeout(300_000);
const deployment = await startDeployment();
t.teardown(() => deployment.stop());

let people = 0;
/** Makes an account on the first or the second server and signs in. */
const person = async (
  t: Test,
  server: 'here' | 'there',
  options?: SignInOptions,
): Promise<Person> => {
  people += 1;
  const homeserver = server === 'here' ? deployment.servers[0] : deployment.other;
  const one = await signIn(await homeserver.register(`person${people}`), options);
  t.teardown(() => one.client.stop());
  return one;
};

const started = async (t: Test, server: 'here' | 'there'): Promise<Person> => {
  const one = await person(t, server);
  await one.client.start();
  return one;
};

/** A direct room that both are in. */
const directRoom = async (from: Person, to: Person) => {
  const room = await from.client.directRoom(to.client.userId);
  await sees(from, room.id, to);
  return room;
};

/** Waits until a user is known to have this membership. */
const sees = (one: Person, roomId: string, of: Person, membership = 'join') =>
  waitFor(
    `${of.client.userId} to have ${membership}`,
    [one, of],
    () => one.client.room(roomId).members().get(of.client.userId) === membership,
  );

t.test('messages that were sent while the other was offline arrive in their order', async (t) => {
  const [alice, bob] = [await started(t, 'here'), await person(t, 'there')];
  const room = await alice.client.directRoom(bob.client.userId);
  const texts = ['one', 'two', 'three'];
  for (const text of texts) await room.send(text);
  await bob.client.start();
  await bob.hears('three');
  t.same(bob.texts(), texts);
  const answer = await bob.client.directRoom(alice.client.userId);
  t.equal(answer.id, room.id);
  await answer.send('four');
  const heard = await alice.hears('four');
  t.match(heard, { sender: bob.client.userId, encrypted: true, own: false, state: 'readable' });
  t.same(
    room.timeline().map(({ body }) => body),
    [...texts, 'four'],
  );
});

t.test('the first message of somebody unknown is told once, when it can be read', async (t) => {
  for (const direct of [true, false]) {
    const [alice, bob] = [await started(t, 'here'), await started(t, 'there')];
    const room = direct
      ? await directRoom(alice, bob)
      : await alice.client.createGroup({ invite: [bob.client.userId] });
    await sees(alice, room.id, bob);
    await room.send('nice to meet you');
    await bob.hears('nice to meet you');
    t.same(bob.unreadable, [], 'nor was it called unreadable before');
  }
});

t.test('both start to write at once', async (t) => {
  const [alice, bob] = [await started(t, 'here'), await started(t, 'there')];
  const room = await directRoom(alice, bob);
  const same = await bob.client.directRoom(alice.client.userId);
  await Promise.all([room.send('from alice'), same.send('from bob')]);
  await Promise.all([bob.hears('from alice'), alice.hears('from bob')]);
  await Promise.all([room.send('again alice'), same.send('again bob')]);
  await Promise.all([bob.hears('again alice'), alice.hears('again bob')]);
});

t.test('both see the same safety number, in direct rooms and in groups', async (t) => {
  const [alice, bob] = [await started(t, 'here'), await started(t, 'there')];
  const group = await alice.client.createGroup({ name: 'tea', invite: [bob.client.userId] });
  await sees(alice, group.id, bob);
  await group.send('hello group');
  await bob.hears('hello group');
  t.equal(bob.client.room(group.id).name, 'tea');
  const number = alice.client.safetyNumber(bob.client.userId);
  t.match(number?.digits ?? '', /^\d{60}$/);
  t.equal(bob.client.safetyNumber(alice.client.userId)?.digits, number?.digits);
  t.ok(number?.matches(bob.client.safetyNumber(alice.client.userId)?.scannable ?? randomBytes(8)));
  t.ok(await alice.client.verify(bob.client.userId));
  t.equal(alice.client.trustOf(bob.client.userId), 'verified');
});

t.test('who leaves a group gets no more keys, who joins gets none of the past', async (t) => {
  const [alice, bob, carol] = [
    await started(t, 'here'),
    await started(t, 'there'),
    await started(t, 'there'),
  ];
  const group = await alice.client.createGroup({ invite: [bob.client.userId] });
  await sees(alice, group.id, bob);
  await group.send('before carol');
  await bob.hears('before carol');
  await group.invite(carol.client.userId);
  await Promise.all([sees(alice, group.id, carol), sees(bob, group.id, carol)]);
  await bob.client.room(group.id).send('with carol');
  await Promise.all([alice.hears('with carol'), carol.hears('with carol')]);
  t.notOk(carol.texts().includes('before carol'));
  await carol.client.room(group.id).leave();
  await sees(alice, group.id, carol, 'leave');
  await group.send('after carol');
  await bob.hears('after carol');
  t.same(carol.texts(), ['with carol']);
  await t.rejects(carol.client.room(group.id).send('still here?'), { code: 'not-in-room' });
  t.equal(carol.client.room(group.id).unsent().length, 1);
});

t.test('a second device of a user reads and writes along', async (t) => {
  const bob = await started(t, 'there');
  const account = await deployment.servers[0].register('twofold');
  const phone = await signIn(account);
  t.teardown(() => phone.client.stop());
  await phone.client.start();
  const identity = {
    sealed: phone.client.exportIdentity('long words') ?? '',
    passphrase: 'long words',
  };
  const login = { homeserver: account.url, user: account.userId, password: account.password };
  const laptop = personOf(await Candor.login({ ...login, store: 'memory', identity }));
  t.teardown(() => laptop.client.stop());
  await laptop.client.start();
  const room = await directRoom(phone, bob);
  await room.send('from the phone');
  await Promise.all([bob.hears('from the phone'), laptop.hears('from the phone')]);
  await laptop.client.room(room.id).send('from the laptop');
  t.equal((await phone.hears('from the laptop')).own, true);
  await bob.hears('from the laptop');
  await bob.client.room(room.id).send('to both');
  await Promise.all([phone.hears('to both'), laptop.hears('to both')]);
});

t.test('a device that its user did not sign reads nothing and cannot write', async (t) => {
  const bob = await started(t, 'there');
  const account = await deployment.servers[0].register('unsigned');
  const phone = await signIn(account);
  t.teardown(() => phone.client.stop());
  await phone.client.start();
  const room = await directRoom(phone, bob);
  const thief = await signIn(account);
  t.teardown(() => thief.client.stop());
  await thief.client.start();
  await room.send('not for the thief');
  await bob.hears('not for the thief');
  const missed = await waitUntil('the event', () => thief.unreadable[0]);
  t.not(missed.state, 'readable');
  t.same(thief.texts(), []);
  await t.rejects(thief.client.room(room.id).send('I am alice'), { code: 'own-device-not-signed' });
});

t.test('a client goes on after a restart with the same store', async (t) => {
  const alice = await started(t, 'here');
  const file = join(deployment.folder, 'bob.store');
  const store = { file, passphrase: 'of bob' };
  const bob = await person(t, 'there', { store });
  await bob.client.start();
  const room = await directRoom(alice, bob);
  await room.send('before');
  await bob.hears('before');
  await bob.client
    .room(room.id)
    .send('queued')
    .catch(() => undefined);
  await bob.client.stop();
  t.throws(() => Candor.open({ file, passphrase: 'of another' }), { code: 'wrong-key' });
  await room.send('meanwhile');
  const again = personOf(Candor.open(store));
  t.teardown(() => again.client.stop());
  const unsent = again.client.room(room.id).send('written before the start');
  await again.client.start();
  await again.hears('meanwhile');
  t.equal((await unsent).body, 'written before the start');
  await alice.hears('written before the start');
  t.same(again.texts(), ['meanwhile']);
  t.same(
    again.client
      .room(room.id)
      .timeline()
      .map(({ body }) => body)
      .sort(),
    ['before', 'meanwhile', 'queued', 'written before the start'],
  );
});

t.test('a store that was logged out goes on after the next login', async (t) => {
  const alice = await started(t, 'here');
  const account = await deployment.other.register('returning');
  const store = { file: join(deployment.folder, 'returning.store'), passphrase: 'of hers' };
  const before = await signIn(account, { store });
  await before.client.start();
  const room = await directRoom(alice, before);
  await room.send('before');
  await before.hears('before');
  await before.client.logout();
  const again = await signIn(account, { store });
  t.teardown(() => again.client.stop());
  t.equal(again.client.deviceId, before.client.deviceId);
  await again.client.start();
  await again.client.room(room.id).send('I am back');
  await alice.hears('I am back');
  await room.send('so I see');
  await again.hears('so I see');
});

t.test('a changed identity warns, and blocks until it is acknowledged', async (t) => {
  const alice = await started(t, 'here');
  const account = await deployment.other.register('forgetful');
  const bob = await signIn(account);
  await bob.client.start();
  const room = await directRoom(alice, bob);
  await room.send('first');
  await bob.hears('first');
  const before = alice.client.safetyNumber(account.userId)?.digits;
  await bob.client.stop();
  const login = { homeserver: account.url, user: account.userId, password: account.password };
  const anew = personOf(await Candor.login({ ...login, store: 'memory', resetIdentity: true }));
  t.teardown(() => anew.client.stop());
  await anew.client.start();
  await waitUntil('the warning', () => alice.client.warnings().length === 1);
  t.match(alice.client.warnings(), [{ kind: 'identity-changed', userId: account.userId }]);
  const refused = await room.send('secret').catch((error: unknown) => error);
  t.ok(refused instanceof CandorError);
  t.match(refused, { code: 'identity-changed', userIds: [account.userId] });
  const [unsent] = room.unsent();
  t.equal(unsent?.content['body'], 'secret');
  t.not(alice.client.safetyNumber(account.userId)?.digits, before);
  t.ok(await alice.client.acknowledge(account.userId));
  t.same(alice.client.warnings(), []);
  // The new device is signed a moment after the new identity is published.
  await waitUntil('the new device to be signed', () =>
    room.sendAgain(unsent?.txnId ?? '').catch((error: CandorError) => {
      if (error.code !== 'no-devices') throw error;
    }),
  );
  await anew.hears('secret');
});

t.test('files travel encrypted, with their name and type inside the message', async (t) => {
  const [alice, bob] = [await started(t, 'here'), await started(t, 'there')];
  const room = await directRoom(alice, bob);
  const bytes = randomBytes(300_000);
  await room.sendFile({ bytes, name: 'plan.pdf', type: 'application/pdf' });
  const message = await bob.hears('plan.pdf');
  t.match(message.content, {
    msgtype: 'm.file',
    info: { mimetype: 'application/pdf', size: 300_000 },
  });
  t.ok((await bob.client.room(room.id).download(message)).equals(bytes));
  await t.rejects(bob.client.room(room.id).download(message, 1_000), /larger than allowed/);
  const path = join(deployment.folder, 'plan.pdf');
  await bob.client.room(room.id).downloadTo(path, message);
});

t.test('typing, receipts, redactions and older pages', async (t) => {
  const [alice, bob] = [await started(t, 'here'), await started(t, 'there')];
  const room = await directRoom(alice, bob);
  const sent = await room.send('regretted');
  await bob.hears('regretted');
  const typing: (readonly string[])[] = [];
  bob.client.on('typing', (_, userIds) => typing.push(userIds));
  const receipts: unknown[] = [];
  alice.client.on('receipt', (_, receipt) => receipts.push(receipt));
  await room.setTyping(true);
  await waitUntil('typing', () => typing.some((userIds) => userIds.includes(alice.client.userId)));
  await bob.client.room(room.id).markRead(sent.eventId);
  await waitUntil('a receipt', () => receipts.length > 0);
  await room.redact(sent.eventId);
  await waitUntil('the redaction', () =>
    bob.client
      .room(room.id)
      .timeline()
      .some(({ reason }) => reason === 'redacted'),
  );
  t.equal(bob.client.room(room.id).timeline()[0]?.content, null);
});

t.test('nothing is sent into a room that is not encrypted with our algorithms', async (t) => {
  const alice = await started(t, 'here');
  const make = async (encryption?: object) => {
    const { room_id: roomId } = await alice.client.call(clientServer.createRoom, {
      body: {
        initial_state: encryption
          ? [{ type: 'm.room.encryption', state_key: '', content: { ...encryption } }]
          : [],
      },
    });
    return waitUntil('the room', () => alice.client.rooms().find(({ id }) => id === roomId));
  };
  const clear = await make();
  t.equal(clear.encryption, 'none');
  await t.rejects(clear.send('in the clear'), { code: 'not-encrypted' });
  const megolm = await make({ algorithm: 'm.megolm.v1.aes-sha2' });
  t.equal(megolm.encryption, 'foreign');
  await t.rejects(megolm.send('not in ours'), { code: 'foreign-encryption' });
  await t.rejects(megolm.sendFile({ bytes: randomBytes(9), name: 'file' }), {
    code: 'foreign-encryption',
  });
});

t.end();
