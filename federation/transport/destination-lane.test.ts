import { limits } from '@candor/spec';
import t from 'tap';
import type { DestinationStore } from './destination-store.ts';
import { PeerError } from './peer-error.ts';
import { type Answer, down, numbers, setUpSender } from './testing/set-up-sender.ts';

const start = 1_700_000_000_000;
const setUp = (answer?: Answer) => setUpSender(start, answer);
const byNumber = (a: number, b: number) => a - b;
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

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
  const { confirmed, superseded } = boxOf('a');
  const done = [...confirmed, ...superseded].sort(byNumber);
  t.strictSame(done, range(1, 360), 'and nothing is left over');
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
  const { confirmed, superseded } = boxOf('a');
  t.strictSame([...confirmed, ...superseded].sort(byNumber), range(1, 160));
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

t.test('what waits for a server that is gone for good does not grow without end', async (t) => {
  const { clock, addPdus, addEdus, sender, net, sent, boxOf } = setUp(down);
  const dayMs = 24 * limits.catchUpAfterMs;
  for (let day = 0; day * dayMs < limits.outboundEdusKeptMs + dayMs; day += 1) {
    addPdus('a', 5, '!one');
    addPdus('a', 5, '!two');
    addEdus('a', 1);
    sender.wake('a');
    if (day === 20) t.equal(boxOf('a').edus.length, 21, 'no message is given up soon');
    await clock.advance(dayMs);
  }
  t.equal(boxOf('a').edus.length, 0);
  const latest = boxOf('a').pdus.map(({ position }) => position);
  t.equal(latest.length, 2, 'the latest event of each room');
  net.answer = () => undefined;
  const failed = sent.length;
  await clock.advance(limits.backoffMsMax);
  t.strictSame(numbers(sent.slice(failed).flatMap(({ pdus }) => pdus)), latest);
});
