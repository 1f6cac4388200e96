import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { createSender, type Sender } from './destination-queue.ts';
import type { DestinationStore } from './destination-store.ts';
import type { PeerClient, PeerRequest } from './peer-client.ts';
import { PeerError } from './peer-error.ts';
import { createFakeClock } from './testing/fake-clock.ts';
import { createMemoryDestinationStore } from './testing/memory-destination-store.ts';
import { startKeyNetwork, testKey } from './testing/start-key-network.ts';
import { readBody } from './testing/start-tls-peer.ts';
import { type RequestVerdict, verifyRequest } from './verify-request.ts';

type Sent = {
  readonly destination: string;
  readonly txnId: string;
  readonly pdus: readonly JsonObject[];
  readonly edus: readonly JsonObject[];
};

type Answer = (sent: Sent) => Promise<void> | void;

const start = 1_700_000_000_000;
const down = () => {
  throw new PeerError('unreachable', 'down');
};

const readSent = ({ destination, path, content = {} }: PeerRequest): Sent => ({
  destination,
  txnId: path.replace('/_matrix/federation/v1/send/', ''),
  pdus: content['pdus'] as readonly JsonObject[],
  edus: content['edus'] as readonly JsonObject[],
});

/** A sender over a store in memory, and a network of which `answer` decides. */
const setUp = (answer: Answer = () => undefined) => {
  const clock = createFakeClock(start);
  const memory = createMemoryDestinationStore();
  const sent: Sent[] = [];
  const net = { answer, underWay: 0, underWayMax: 0 };
  /** Breaches of the protocol that a peer has seen. */
  const violations: string[] = [];
  const client: Pick<PeerClient, 'request'> = {
    request: async (request) => {
      const transaction = readSent(request);
      sent.push(transaction);
      net.underWay += 1;
      net.underWayMax = Math.max(net.underWayMax, net.underWay);
      try {
        await net.answer(transaction);
      } finally {
        net.underWay -= 1;
      }
      return { status: 200, body: { pdus: {} } };
    },
  };
  const makeSender = (store: DestinationStore = memory.store, random = () => 0.5): Sender =>
    createSender({
      serverName: 'us.test',
      store,
      client,
      now: clock.now,
      random,
      setTimer: clock.setTimer,
    });
  return { ...memory, clock, sent, net, violations, makeSender, sender: makeSender() };
};

const numbers = (items: readonly JsonObject[]) => items.map(({ n }) => Number(n));
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

t.test('work goes out in order, at most 50 PDUs and 100 EDUs at a time', async (t) => {
  const { sender, sent, clock, addPdus, addEdus, boxOf } = setUp();
  addPdus('a', 120);
  addEdus('a', 250);
  sender.wake('a');
  await clock.settle();
  t.strictSame(
    sent.map(({ pdus, edus }) => [pdus.length, edus.length]),
    [
      [limits.transactionPdusMax, limits.transactionEdusMax],
      [limits.transactionPdusMax, limits.transactionEdusMax],
      [20, 50],
    ],
  );
  t.strictSame(numbers(sent.flatMap(({ pdus }) => pdus)), range(1, 120));
  t.strictSame(boxOf('a').confirmed, range(1, 120));
  t.equal(new Set(sent.map(({ txnId }) => txnId)).size, 3);
  t.equal(clock.nextTimerMs(), undefined);
});

t.test('a failed transaction is repeated as it was, whatever has come since', async (t) => {
  const { sender, sent, clock, net, addPdus } = setUp(down);
  addPdus('a', 2);
  sender.ephemeral('a', { edu_type: 'm.typing' });
  await clock.settle();
  addPdus('a', 3);
  sender.wake('a');
  await clock.advance(10_000);
  t.ok(sent.length > 3);
  net.answer = () => undefined;
  await clock.advance(60_000);
  const [first, ...rest] = sent;
  const last = rest.pop();
  for (const retry of rest) t.strictSame(retry, first);
  t.strictSame(numbers(last?.pdus ?? []), [3, 4, 5]);
});

t.test('waits double up to an hour, with jitter, and end with a success', async (t) => {
  for (const [random, share] of [
    [() => 0, 0.5],
    [() => 0.999_999, 1],
  ] as const) {
    const { clock, net, addPdus, makeSender, store, backoffs } = setUp(down);
    const sender = makeSender(store, random);
    addPdus('a', 1);
    sender.wake('a');
    const waits: number[] = [];
    for (let i = 0; i < 16; i += 1) {
      await clock.settle();
      const wait = clock.nextTimerMs() ?? Number.NaN;
      waits.push(Math.round(wait / share / 10) * 10);
      await clock.advance(wait);
    }
    const doubled = range(0, 15).map((i) =>
      Math.min(limits.backoffMsMin * 2 ** i, limits.backoffMsMax),
    );
    t.strictSame(waits, doubled);
    t.match(backoffs.get('a'), { failures: 17, failingSince: start });
    net.answer = () => undefined;
    await clock.advance(limits.backoffMsMax);
    t.equal(backoffs.size, 0);
    t.equal(clock.nextTimerMs(), undefined);
  }
});

t.test('a peer that says when to come back is obeyed, within our bound', async (t) => {
  let retryAfterMs = 60_000;
  const { clock, addPdus, sender } = setUp(() => {
    throw new PeerError('status', 'busy', { status: 429, retryAfterMs });
  });
  addPdus('a', 1);
  sender.wake('a');
  await clock.settle();
  t.equal(clock.nextTimerMs(), 60_000);
  retryAfterMs = Number.MAX_SAFE_INTEGER;
  await clock.advance(60_000);
  t.equal(clock.nextTimerMs(), limits.backoffMsMax);
});

t.test('one destination that fails holds up no other', async (t) => {
  const { clock, addPdus, sender, sent } = setUp(({ destination }) => {
    if (destination === 'a') down();
  });
  addPdus('a', 1);
  addPdus('b', 1);
  await sender.wakeAll();
  await clock.settle();
  t.strictSame(
    sent.map(({ destination }) => destination),
    ['a', 'b'],
  );
});

t.test('after a long failure each room catches up with its latest event', async (t) => {
  const { clock, addPdus, addEdus, sender, sent, net, boxOf, backoffs } = setUp(down);
  for (let round = 0; round < 3; round += 1) {
    for (let room = 0; room < 120; room += 1) addPdus('a', 1, `!${room}`);
  }
  addEdus('a', 3);
  sender.wake('a');
  await clock.advance(limits.catchUpAfterMs * 2);
  const failed = sent.length;
  net.answer = () => undefined;
  await clock.advance(limits.backoffMsMax);
  const after = sent.slice(failed);
  t.strictSame(numbers(after.flatMap(({ pdus }) => pdus)), range(241, 360));
  t.strictSame(
    after.map(({ pdus }) => pdus.length),
    [50, 50, 20],
  );
  t.equal(after.flatMap(({ edus }) => edus).length, 3, 'no to-device message is left out');
  t.strictSame(boxOf('a').confirmed, range(1, 360), 'and nothing is left over');
  t.equal(backoffs.size, 0);

  addPdus('a', 3, '!0');
  sender.wake('a');
  await clock.settle();
  t.strictSame(numbers(sent.at(-1)?.pdus ?? []), [364, 365, 366], 'then all events go out again');
});

t.test('a catch-up goes on as one after a restart in the middle', async (t) => {
  const { clock, addPdus, sender, sent, net, boxOf, makeSender } = setUp(down);
  for (let round = 0; round < 2; round += 1) {
    for (let room = 0; room < 80; room += 1) addPdus('a', 1, `!${room}`);
  }
  sender.wake('a');
  await clock.advance(limits.catchUpAfterMs * 2);
  const failed = sent.length;
  let left = 1;
  net.answer = () => {
    left -= 1;
    if (left < 0) down();
  };
  await clock.advance(limits.backoffMsMax);
  await sender.stop();
  net.answer = () => undefined;
  const again = makeSender();
  await again.wakeAll();
  await clock.advance(limits.backoffMsMax);
  const delivered = new Set(numbers(sent.slice(failed).flatMap(({ pdus }) => pdus)));
  t.strictSame([...delivered], range(81, 160));
  t.strictSame(boxOf('a').confirmed, range(1, 160));
});

t.test('a restart keeps the back-off and the work', async (t) => {
  const { clock, addPdus, sender, sent, net, makeSender, boxOf } = setUp(down);
  addPdus('a', 2);
  sender.wake('a');
  await clock.advance(60_000);
  await sender.stop();
  const failed = sent.length;
  t.equal(clock.nextTimerMs(), undefined, 'a stopped sender leaves no timer');
  net.answer = () => undefined;

  const again = makeSender();
  await again.wakeAll();
  await clock.settle();
  t.equal(sent.length, failed, 'not before its time');
  await clock.advance(limits.backoffMsMax);
  t.equal(sent.length, failed + 1);
  t.equal(sent.at(-1)?.txnId, sent[0]?.txnId, 'the same content has the same transaction id');
  t.strictSame(boxOf('a').confirmed, [1, 2]);
});

t.test('contact from a failing server ends its back-off, but not again and again', async (t) => {
  const { clock, addPdus, sender, sent, net } = setUp(down);
  addPdus('a', 1);
  sender.wake('a');
  await clock.advance(600_000);
  const before = sent.length;
  for (let i = 0; i < 10; i += 1) {
    sender.contactFrom('a');
    await clock.settle();
  }
  t.equal(sent.length, before + 1);
  net.answer = () => undefined;
  await clock.advance(limits.contactRetryMsMin);
  sender.contactFrom('a');
  await clock.settle();
  t.equal(sent.length, before + 2);
  t.equal(clock.nextTimerMs(), undefined);
  sender.contactFrom('unknown');
});

t.test('ephemeral EDUs are sent while they are fresh and dropped when they are not', async (t) => {
  let release: () => void = () => undefined;
  const { clock, sender, sent, net } = setUp();
  const edu = (n: number) => ({ edu_type: 'm.typing', content: {}, n });
  sender.ephemeral('a', edu(1));
  await clock.settle();
  t.strictSame(numbers(sent[0]?.edus ?? []), [1]);

  net.answer = () => new Promise<void>((resolve) => (release = resolve));
  sender.ephemeral('a', edu(2));
  await clock.settle();
  sender.ephemeral('a', edu(3));
  await clock.advance(limits.ephemeralEduAgeMsMax + 1);
  for (let n = 1_000; n < 1_150; n += 1) sender.ephemeral('a', edu(n));
  net.answer = () => undefined;
  release();
  await clock.settle();
  t.strictSame(numbers(sent[1]?.edus ?? []), [2]);
  t.strictSame(
    numbers(sent[2]?.edus ?? []),
    range(1_050, 1_149),
    'the stale and the surplus are gone',
  );

  net.answer = down;
  sender.ephemeral('a', edu(4));
  await clock.settle();
  sender.ephemeral('a', edu(5));
  net.answer = () => undefined;
  await clock.advance(60_000);
  t.notOk(
    sent.some(({ edus }) => numbers(edus).includes(5)),
    'nothing waits for a failing server',
  );
});

t.test('equal ephemeral EDUs make different transactions', async (t) => {
  const { clock, sender, sent } = setUp();
  for (let i = 0; i < 2; i += 1) {
    sender.ephemeral('a', { edu_type: 'm.typing' });
    await clock.advance(1);
  }
  t.not(sent[0]?.txnId, sent[1]?.txnId);
});

t.test('few new destinations are dialled at once; those reached lately do not queue', async (t) => {
  const waiting: (() => void)[] = [];
  const { clock, addPdus, sender, sent, net } = setUp();
  addPdus('known', 1);
  await sender.wakeAll();
  await clock.settle();
  net.answer = ({ destination }) =>
    destination === 'known' ? undefined : new Promise<void>((resolve) => waiting.push(resolve));
  for (let i = 0; i < 100; i += 1) addPdus(`d${i}`, 1);
  await sender.wakeAll();
  await clock.settle();
  t.equal(net.underWay, limits.senderDialsMax);
  addPdus('known', 1);
  sender.wake('known');
  await clock.settle();
  t.equal(sent.at(-1)?.destination, 'known');
  while (waiting.length > 0) {
    waiting.shift()?.();
    await clock.settle();
  }
  t.equal(sent.length, 102);
  t.equal(net.underWayMax, limits.senderDialsMax + 1);
});

t.test('stopping waits for what is under way and starts nothing new', async (t) => {
  let release: () => void = () => undefined;
  const { clock, addPdus, sender, sent, boxOf } = setUp(
    () => new Promise<void>((resolve) => (release = resolve)),
  );
  addPdus('a', 60);
  sender.wake('a');
  await clock.settle();
  let isStopped = false;
  const stopping = sender.stop().then(() => {
    isStopped = true;
  });
  await clock.settle();
  t.notOk(isStopped);
  release();
  await stopping;
  t.strictSame(boxOf('a').confirmed, range(1, 50), 'what arrived is confirmed');
  sender.wake('a');
  sender.ephemeral('b', {});
  await clock.advance(60_000);
  t.equal(sent.length, 1);
});

t.test('a store that fails is asked again a little later', async (t) => {
  const { clock, addPdus, store, makeSender, boxOf } = setUp();
  let failures = 3;
  const flaky: DestinationStore = {
    ...store,
    pendingPdus: async (...how) => {
      failures -= 1;
      if (failures >= 0) throw new Error('the store is down');
      return store.pendingPdus(...how);
    },
  };
  addPdus('a', 1);
  const sender = makeSender(flaky);
  sender.wake('a');
  await clock.settle();
  t.equal(clock.nextTimerMs(), limits.storeRetryMs);
  await clock.advance(limits.storeRetryMs * 3);
  t.strictSame(boxOf('a').confirmed, [1]);
});

t.test('a transaction travels over TLS, signed, and the peer can tell who sent it', async (t) => {
  const network = await startKeyNetwork(t, start);
  const { store, addPdus, boxOf } = createMemoryDestinationStore();
  const keyRing = network.makeRing({ serverName: 'one.test' });
  network.serve('us.test', network.document('us.test', testKey('us')));
  const received = new Promise<{ verdict: RequestVerdict; content: JsonObject }>((resolve) => {
    network.serve('one.test', async (request: IncomingMessage, response: ServerResponse) => {
      const content = JSON.parse(await readBody(request));
      const { method = '', url = '', headers } = request;
      const authorization = [headers.authorization ?? ''];
      const inbound = { method, uri: url, content, authorization };
      const verifier = { serverName: 'one.test', keyRing, now: () => start };
      resolve({ verdict: await verifyRequest(inbound, verifier), content });
      response.end('{"pdus":{"$x":{"error":"not today"}}}');
    });
  });
  const { client } = network;
  const sender = createSender({ serverName: 'us.test', store, client, now: () => start });
  addPdus('one.test', 2);
  sender.wake('one.test');
  const { verdict, content } = await received;
  t.strictSame(verdict, { allowed: true, origin: 'us.test' });
  t.match(content, {
    origin: 'us.test',
    origin_server_ts: start,
    pdus: [{ n: 1 }, { n: 2 }],
    edus: [],
  });
  await sender.stop();
  t.strictSame(boxOf('one.test').confirmed, [1, 2], 'a refused PDU is not sent again');
});

type Step =
  | {
      readonly do: 'pdus' | 'edus' | 'advance';
      readonly destination: string;
      readonly count: number;
    }
  | { readonly do: 'restart' | 'contact'; readonly destination: string };
type Outcome = 'ok' | 'lost' | 'answer lost' | 'confirm fails';

const destination = fc.constantFrom('a', 'b');
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constantFrom('pdus', 'edus'),
      destination,
      count: fc.integer({ min: 1, max: 70 }),
    }),
    fc.record({
      do: fc.constant('advance' as const),
      destination,
      count: fc.integer({ min: 1, max: 3_000 }),
    }),
    fc.record({ do: fc.constantFrom('restart', 'contact'), destination }),
  ),
  { minLength: 1, maxLength: 30 },
);
const outcomes: fc.Arbitrary<Outcome[]> = fc.array(
  fc.constantFrom('ok', 'lost', 'answer lost', 'confirm fails'),
  { maxLength: 30 },
);

/** A peer that notes what arrives, and a store whose confirmations may fail, as the outcomes say. */
const setUpTrouble = (left: Outcome[]) => {
  const arrived = new Map<string, number[]>();
  const contents = new Map<string, string>();
  const busy = new Set<string>();
  let confirmFails = false;
  const setup = setUp(async (transaction) => {
    const { destination, txnId, pdus } = transaction;
    if (busy.has(destination)) setup.violations.push('two transactions at once');
    busy.add(destination);
    await setup.clock.settle();
    busy.delete(destination);
    const outcome = left.shift() ?? 'ok';
    if (outcome === 'lost') down();
    const name = `${destination} ${txnId}`;
    const content = JSON.stringify(transaction);
    // A peer answers a transaction id that it has seen without looking inside.
    if (contents.get(name) === undefined) {
      arrived.set(destination, [...(arrived.get(destination) ?? []), ...numbers(pdus)]);
    }
    if ((contents.get(name) ?? content) !== content) setup.violations.push('changed content');
    contents.set(name, content);
    if (outcome === 'answer lost') down();
    confirmFails ||= outcome === 'confirm fails';
  });
  const store: DestinationStore = {
    ...setup.store,
    confirmed: async (...how) => {
      const fails = confirmFails;
      confirmFails = false;
      if (fails) throw new Error('the store is down');
      await setup.store.confirmed(...how);
    },
  };
  return { ...setup, store, arrived };
};

t.test('whatever fails, each PDU arrives in order, and is confirmed once', async (t) => {
  let failures = 0;
  const property = fc.asyncProperty(steps, outcomes, async (todo, left) => {
    failures += left.filter((outcome) => outcome !== 'ok').length;
    const { clock, store, makeSender, addPdus, addEdus, boxOf, sent, arrived, violations } =
      setUpTrouble([...left]);
    let sender = makeSender(store);
    for (const step of todo) {
      if (step.do === 'pdus') addPdus(step.destination, step.count);
      if (step.do === 'edus') addEdus(step.destination, step.count);
      if (step.do === 'advance') await clock.advance(step.count);
      if (step.do === 'contact') sender.contactFrom(step.destination);
      if (step.do === 'restart') {
        await sender.stop();
        sender = makeSender(store);
        await sender.wakeAll();
      } else sender.wake(step.destination);
    }
    // Not so long that a catch-up would begin.
    for (let i = 0; i < 200; i += 1) await clock.advance(limits.catchUpAfterMs / 400);
    await sender.stop();
    assert.deepEqual(violations, []);
    for (const name of ['a', 'b']) {
      const { pdus, edus, confirmed, confirmedEdus } = boxOf(name);
      const inOrder = [...new Set(confirmed)].sort((a, b) => a - b);
      assert.deepEqual([pdus, edus], [[], []], 'all work is done');
      assert.deepEqual(confirmed, inOrder, 'confirmed once');
      assert.equal(new Set(confirmedEdus).size, confirmedEdus.length);
      assert.deepEqual([...new Set(arrived.get(name))], inOrder, 'arrived in order');
    }
    for (const { pdus, edus } of sent) {
      assert.ok(pdus.length <= limits.transactionPdusMax);
      assert.ok(edus.length <= limits.transactionEdusMax);
    }
  });
  await t.resolves(fc.assert(property, { numRuns: 100 }));
  t.ok(failures > 100, 'there was trouble');
});
