import t from 'tap';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import type { Phone } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';
import { SecretSharing } from './secret-sharing.ts';

const name = 'dev.candor.archive.v1';

/** Sharing on a phone: what it has, what it was given, and what it was asked. */
const sharing = (phone: Phone, secrets: Readonly<Record<string, string>> = {}) => {
  const taken: string[] = [];
  const problems: unknown[] = [];
  const shared = new SecretSharing({
    engine: phone.engine,
    store: phone.store,
    userId: phone.userId,
    courier: {
      perform: async (requests) => {
        await phone.perform(requests);
      },
      followUp: async () => {
        await phone.settle();
      },
    },
    held: () => new Map(Object.entries(secrets)),
    take: async (_name, secret) => {
      taken.push(secret);
      return secret !== 'bad';
    },
    onProblem: (error) => problems.push(error),
  });
  /** A sync, with all that follows from it. */
  const sync = async (): Promise<ReceiveOutcome> => {
    const outcome = await phone.sync();
    shared.receive(outcome);
    await shared.idle();
    return outcome;
  };
  return { ask: () => shared.ask([name]), sync, taken, problems };
};

const twoPhones = async () => {
  const world = testWorld();
  const old = await world.phone('alice').setUp();
  const next = await world.phone('alice', 'NEXT').setUp(old);
  await old.sync();
  return { world, old, next };
};

const request = (requestId = 'r') => ({ action: 'request', name, request_id: requestId });

t.test('a signed device of the user is given what it asks for, in a Signal message', async (t) => {
  const { old, next } = await twoPhones();
  const [giver, taker] = [sharing(old, { [name]: 'the key' }), sharing(next)];
  t.equal(await taker.ask(), 1);
  for (const { content, type } of old.inbox.toDevice) {
    t.equal(type, 'm.room.encrypted');
    t.notMatch(JSON.stringify(content), /secret|archive/);
  }
  await giver.sync();
  t.notMatch(JSON.stringify(next.inbox.toDevice), /the key/);
  await taker.sync();
  t.same(taker.taken, ['the key']);
  t.equal(next.store.count('secretRequests'), 0);
  t.same([...giver.problems, ...taker.problems], []);
});

t.test('a device that its user did not sign is given nothing, until it is signed', async (t) => {
  const { world, old } = await twoPhones();
  const stranger = world.phone('alice', 'STRANGER');
  await stranger.settle();
  const device = { userId: old.userId, deviceId: old.deviceId };
  const message = { type: 'm.secret.request', content: request() };
  for (let round = 0; round < 5; round++) {
    const step = await stranger.engine.sendToDevices([device], message);
    if (step.status === 'queued') break;
    await stranger.perform(step.requests);
  }
  await stranger.settle();
  const giver = sharing(old, { [name]: 'the key' });
  const { toDevice } = await giver.sync();
  t.match(toDevice.at(-1), { senderDevice: 'STRANGER', reason: 'device-not-signed' });
  await stranger.read();
  t.equal(stranger.inbox.toDevice.length, 0);
  t.equal(old.store.count('toDeviceOutbox'), 0);
  t.equal(sharing(stranger).taken.length, 0);
  await t.rejects(sharing(stranger).ask(), { code: 'identity-not-verified' });

  const sealed = old.engine.exportCrossSigningSecret('secret') ?? '';
  t.ok(await stranger.engine.importCrossSigningSecret(sealed, 'secret'));
  await stranger.settle();
  await giver.sync();
  t.match(stranger.inbox.toDevice, [{ type: 'm.room.encrypted' }]);
});

t.test(
  'nobody else is given anything, and an identity only the server vouches for gives nothing',
  async (t) => {
    const { world, old, next } = await twoPhones();
    const bob = await world.phone('bob').setUp();
    const room = world.room(true, bob, old);
    await bob.say(room, 'hello');
    await old.sync();
    await bob.sendAnything(old, 'm.secret.request', '', request());
    const giver = sharing(old, { [name]: 'the key' });
    const { toDevice } = await giver.sync();
    t.match(toDevice, [{ sender: bob.userId, message: { type: 'm.secret.request' } }]);
    t.equal(bob.inbox.toDevice.length, 0);

    const taker = sharing(next);
    await taker.ask();
    old.store.transaction((tx) => {
      const user = tx.get('users', { userId: old.userId });
      if (user) tx.put('users', { ...user, trust: 'pinned' });
    });
    await giver.sync();
    await taker.sync();
    t.same(taker.taken, []);
  },
);

t.test('what was not asked for, asked too long ago or is not right is not taken', async (t) => {
  const { old, next } = await twoPhones();
  const [giver, taker] = [sharing(old, { [name]: 'bad' }), sharing(next)];
  await taker.ask();
  const [asked] = next.store.all('secretRequests');
  const send = (requestId: unknown, secret: string) =>
    old.sendAnything(next, 'm.secret.send', '', { request_id: String(requestId), secret });
  await giver.sync();
  await taker.sync();
  t.same(taker.taken, ['bad']);
  t.equal(next.store.count('secretRequests'), 1, 'another device may know better');
  await send('unknown', 'a present');
  await taker.sync();
  t.same(taker.taken, ['bad']);
  next.store.transaction((tx) => asked && tx.put('secretRequests', { ...asked, requestedAt: 0 }));
  await send(asked?.requestId, 'late');
  await taker.sync();
  t.same(taker.taken, ['bad']);
});
