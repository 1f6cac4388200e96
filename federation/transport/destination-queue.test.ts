import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { createSender } from './destination-queue.ts';
import type { DestinationStore } from './destination-store.ts';
import { createMemoryDestinationStore } from './testing/memory-destination-store.ts';
import { type Answer, down, numbers, setUpSender } from './testing/set-up-sender.ts';
import { startKeyNetwork, testKey } from './testing/start-key-network.ts';
import { readBody } from './testing/start-tls-peer.ts';
import { type RequestVerdict, verifyRequest } from './verify-request.ts';

const start = 1_700_000_000_000;
const setUp = (answer?: Answer) => setUpSender(start, answer);
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
