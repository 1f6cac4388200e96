import { join } from 'node:path';
import { Candor, type Verification, type VerificationPhase } from '@candor/client-sdk';
import { clientServer } from '@candor/spec';
import t, { type Test } from 'tap';
import { startDeployment } from '../../deployment.ts';
import { asPerson } from '../../interop/person.ts';
import type { Account } from '../../register-account.ts';
import { type Person, personOf, type SignInOptions, signIn, waitFor } from './person.ts';

t.setTimeout(300_000);
const deployment = await startDeployment();
t.teardown(() => deployment.stop());

let people = 0;
const newAccount = (server: 'here' | 'there'): Promise<Account> => {
  people += 1;
  const homeserver = server === 'here' ? deployment.servers[0] : deployment.other;
  return homeserver.register(`verifier${people}`);
};

const started = async (t: Test, account: Account, options?: SignInOptions): Promise<Person> => {
  const one = await signIn(account, options);
  t.teardown(() => one.client.stop());
  await one.client.start();
  return one;
};

/** Resolves with the verification that is offered next. */
const offer = (one: Person): Promise<Verification> =>
  new Promise((resolve) => one.client.once('verification', resolve));

const reaches = (one: Person, verification: Verification, ...phases: VerificationPhase[]) =>
  waitFor(`${one.client.userId} to be ${phases.join(' or ')}`, [one], () => {
    const { phase, cancellation } = verification;
    if (phases.includes(phase)) return true;
    if (phase === 'cancelled') throw new Error(`cancelled: ${JSON.stringify(cancellation)}`);
    return false;
  });

/** Asks and accepts. */
const begin = async (
  t: Test,
  from: Person,
  to: Person,
  options: Parameters<Candor['verifications']['request']>[1] = {},
): Promise<[Verification, Verification]> => {
  const offered = offer(to);
  const asked = await from.client.verifications.request(to.client.userId, options);
  const answered = await offered;
  t.equal(answered.userId, from.client.userId);
  t.ok(answered.accept());
  await reaches(from, asked, 'ready');
  return [asked, answered];
};

const compare = async (t: Test, one: [Person, Verification], other: [Person, Verification]) => {
  await Promise.all([reaches(...one, 'comparing'), reaches(...other, 'comparing')]);
  t.equal(one[1].emoji?.length, 7);
  t.same(one[1].emoji, other[1].emoji);
  t.same(one[1].decimal, other[1].decimal);
  t.ok(one[1].confirm());
  t.ok(other[1].confirm());
  t.equal(await one[1].finished, 'verified');
  t.equal(await other[1].finished, 'verified');
};

const passphrase = 'the key of the file';

t.test('two users of two servers compare emoji, and stay verified after a restart', async (t) => {
  const [accountOfAlice, accountOfBob] = [await newAccount('here'), await newAccount('there')];
  const store = { file: join(deployment.folder, 'verified.store'), passphrase };
  const alice = await signIn(accountOfAlice, { store });
  await alice.client.start();
  const bob = await started(t, accountOfBob);
  const number = () => alice.client.safetyNumber(bob.client.userId)?.digits;
  const [asked, answered] = await begin(t, alice, bob);
  t.equal(asked.roomId, null);
  t.ok(answered.startSas());
  await compare(t, [alice, asked], [bob, answered]);
  t.equal(alice.client.trustOf(bob.client.userId), 'verified');
  t.equal(bob.client.trustOf(alice.client.userId), 'verified');
  t.equal(number(), bob.client.safetyNumber(alice.client.userId)?.digits);
  const before = number();
  await alice.client.stop();
  const again = personOf(Candor.open(store));
  t.teardown(() => again.client.stop());
  t.equal(again.client.trustOf(bob.client.userId), 'verified');
  t.equal(again.client.safetyNumber(bob.client.userId)?.digits, before);

  // The signature is on Alice's homeserver, and hers alone to see.
  await again.client.start();
  const masterKeySignatures = async () => {
    const body = { device_keys: { [bob.client.userId]: [] } };
    const answer = await again.client.call(clientServer.queryKeys, { body });
    const [master] = Object.values(answer.master_keys ?? {});
    return Object.keys(Object(Object(master)['signatures']));
  };
  await waitFor('the signature', [again], async () =>
    (await masterKeySignatures()).includes(again.client.userId),
  );

  // A new identity after the verification is a broken one.
  const warned = new Promise<{ kind: string; userId: string; detail: object }>((resolve) =>
    again.client.once('warning', resolve),
  );
  const room = await again.client.directRoom(bob.client.userId);
  await waitFor('the join', [again, bob], () => room.members().get(bob.client.userId) === 'join');
  await bob.client.stop();
  const renewed = personOf(
    await Candor.login({
      homeserver: accountOfBob.url,
      user: accountOfBob.userId,
      password: accountOfBob.password,
      store: 'memory',
      resetIdentity: true,
    }),
  );
  t.teardown(() => renewed.client.stop());
  t.match(await warned, {
    kind: 'identity-changed',
    userId: bob.client.userId,
    detail: { wasVerified: true },
  });
  t.equal(again.client.trustOf(bob.client.userId), 'changed');
  await t.rejects(room.send('to whom?'), { code: 'identity-changed' });

  // Verifying the new one mends it.
  await renewed.client.start();
  const [asksAgain, answersAgain] = await begin(t, again, renewed, {
    deviceId: renewed.client.deviceId,
  });
  t.ok(asksAgain.startSas());
  await compare(t, [again, asksAgain], [renewed, answersAgain]);
  t.equal(again.client.trustOf(bob.client.userId), 'verified');
  t.same(again.client.warnings(), []);
  await room.send('to you again');
  await renewed.hears('to you again');
});

t.test(
  'in a direct room the messages of a verification are encrypted and are no conversation',
  async (t) => {
    const alice = await started(t, await newAccount('here'));
    const bob = await started(t, await newAccount('there'));
    const room = await alice.client.directRoom(bob.client.userId);
    await room.send('hello');
    await bob.hears('hello');
    const [asked, answered] = await begin(t, alice, bob, { roomId: room.id });
    t.equal(asked.roomId, room.id);
    t.equal(answered.roomId, room.id);
    // Both at once.
    t.ok(asked.startSas());
    answered.startSas();
    await compare(t, [alice, asked], [bob, answered]);
    t.equal(alice.client.trustOf(bob.client.userId), 'verified');
    t.equal(bob.client.trustOf(alice.client.userId), 'verified');
    t.same(bob.texts(), ['hello']);
    t.same(
      room.timeline().map(({ body }) => body),
      ['hello'],
    );
    const params = { roomId: room.id };
    const page = await bob.client.call(clientServer.getRoomEvents, { params, query: { dir: 'b' } });
    const types = page.chunk.map((event) => Object(event)['type']);
    t.ok(types.filter((type) => type === 'm.room.encrypted').length > 8);
    t.notOk(types.some((type) => String(type).startsWith('m.key')));
  },
);

t.test('a code that one shows and the other scans verifies both', async (t) => {
  const alice = await started(t, await newAccount('here'));
  const bob = await started(t, await newAccount('there'));
  const [asked, answered] = await begin(t, alice, bob);
  const code = answered.qrCode;
  t.ok(code);
  t.equal(asked.scan(new Uint8Array([1, 2, 3])), 'unreadable');
  t.equal(asked.scan(code ?? new Uint8Array()), 'taken');
  await reaches(bob, answered, 'scanned');
  t.ok(answered.confirm());
  t.equal(await asked.finished, 'verified');
  t.equal(await answered.finished, 'verified');
  t.equal(alice.client.trustOf(bob.client.userId), 'verified');
  t.equal(bob.client.trustOf(alice.client.userId), 'verified');
});

t.test('a new device of one user is signed by the one that verified it', async (t) => {
  for (const way of ['emoji', 'code of the old', 'code of the new']) {
    const account = await newAccount('here');
    const old = await started(t, account);
    const fresh = await started(t, account);
    const deviceOf = (id: string) =>
      old.client.devicesOf(old.client.userId).find(({ deviceId }) => deviceId === id);
    const told: string[] = [];
    old.client.on('ownDeviceVerified', (deviceId) => told.push(deviceId));
    fresh.client.on('ownDeviceVerified', (deviceId) => told.push(deviceId));
    const [asked, answered] = await begin(t, fresh, old);
    if (way === 'emoji') {
      asked.startSas();
      await compare(t, [fresh, asked], [old, answered]);
    } else {
      const isOld = way === 'code of the old';
      const [shows, scans] = isOld ? [answered, asked] : [asked, answered];
      t.equal(scans.scan(shows.qrCode ?? new Uint8Array()), 'taken');
      await reaches(isOld ? old : fresh, shows, 'scanned');
      t.ok(shows.confirm());
      t.equal(await asked.finished, 'verified');
      t.equal(await answered.finished, 'verified');
    }
    await waitFor('the signature', [old, fresh], () => deviceOf(fresh.client.deviceId)?.trusted);
    t.equal(fresh.client.trustOf(fresh.client.userId), 'verified', way);
    t.same(told.toSorted(), [old.client.deviceId, fresh.client.deviceId].toSorted());
    // Now it reads what others send.
    const bob = await started(t, await newAccount('there'));
    const room = await bob.client.directRoom(old.client.userId);
    await waitFor('the join', [old], () => old.client.room(room.id).membership === 'join');
    await room.send('to both');
    await fresh.hears('to both');
  }
});

t.test('declining, and a device that is not chosen', async (t) => {
  const alice = await started(t, await newAccount('here'));
  const account = await newAccount('there');
  const [one, two] = [await started(t, account), await started(t, account)];
  const sealed = one.client.exportIdentity(passphrase) ?? '';
  t.ok(await two.client.importIdentity({ sealed, passphrase }));
  const both = Promise.all([offer(one), offer(two)]);
  const asked = await alice.client.verifications.request(one.client.userId);
  const [ofOne, ofTwo] = await both;
  ofOne.accept();
  t.equal(await ofTwo.finished, 'cancelled');
  t.match(ofTwo.cancellation, { code: 'm.accepted', byUs: false });
  await reaches(alice, asked, 'ready');
  asked.startSas();
  await reaches(one, ofOne, 'comparing');
  t.ok(ofOne.mismatch());
  t.equal(await asked.finished, 'cancelled');
  t.match(asked.cancellation, { code: 'm.mismatched_sas', byUs: false });
  const bothAgain = Promise.all([offer(one), offer(two)]);
  const second = await alice.client.verifications.request(one.client.userId);
  const [first, other] = await bothAgain;
  t.ok(other.cancel());
  t.equal(await second.finished, 'cancelled');
  t.equal(await first.finished, 'cancelled');
  t.match(first.cancellation, { code: 'm.user', byUs: false });
  t.equal(alice.client.trustOf(one.client.userId), 'pinned');
});

t.test('offers that are too old, of unknown devices, or a second one of one device', async (t) => {
  const accountOfAlice = await newAccount('here');
  const alice = await started(t, accountOfAlice);
  const bob = await started(t, await newAccount('there'));
  const told: Verification[] = [];
  bob.client.on('verification', (verification) => told.push(verification));
  let messages = 0;
  const say = (type: string, content: Record<string, unknown>) => {
    messages += 1;
    const params = { eventType: `m.key.verification.${type}`, txnId: String(messages) };
    const body = { messages: { [bob.client.userId]: { [bob.client.deviceId]: content } } };
    return alice.client.call(clientServer.sendToDevice, { params, body });
  };
  const request = (id: string, changes: object = {}) =>
    say('request', {
      transaction_id: id,
      from_device: alice.client.deviceId,
      methods: ['m.sas.v1'],
      timestamp: Date.now(),
      ...changes,
    });
  await request('old', { timestamp: Date.now() - 660_000 });
  await request('early', { timestamp: Date.now() + 360_000 });
  await request('unstamped', { timestamp: 'now' });
  await request('unknown', { from_device: 'NOBODY' });
  await say('request', {});
  await request('first');
  await waitFor('the first offer', [bob], () => told.length > 0);
  t.equal(told.length, 1);
  // A replay is the same offer.
  await request('first');
  await request('second');
  t.equal(await told[0]?.finished, 'cancelled');
  t.match(told[0]?.cancellation, { code: 'm.user', byUs: true });
  t.same(bob.client.verifications.all(), []);

  // Another session of Alice's sees what Bob answers to something he knows nothing of.
  await say('mac', { transaction_id: 'forgotten', mac: {}, keys: '' });
  const answers = await asPerson(accountOfAlice).untilSynced('the answer', (sync) => {
    const events = sync.to_device?.events ?? [];
    const codes = events.map(({ content }) => [content['transaction_id'], content['code']]);
    return codes.some(([id]) => id === 'forgotten') ? codes : undefined;
  });
  t.same(answers, [['forgotten', 'm.unknown_transaction']]);
  t.equal(told.length, 1);
  t.equal(alice.client.trustOf(bob.client.userId), 'unknown');
});
