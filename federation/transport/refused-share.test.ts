import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { CanonicalJsonError } from '../json/canonical-json.ts';
import { PeerError } from './peer-error.ts';
import { type Answer, numbers, setUpSender } from './testing/set-up-sender.ts';

const start = 1_700_000_000_000;
const setUp = (answer?: Answer) => setUpSender(start, answer);
const hour = 3_600_000;
const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const refuse = (status = 400) => {
  throw new PeerError('status', 'refused', { status });
};

t.test('what a peer refuses each time is left out, and nothing else', async () => {
  const scenario = fc.record({
    pdus: fc.nat(120),
    edus: fc.nat(220),
    badPdus: fc.uniqueArray(fc.integer({ min: 1, max: 120 }), { maxLength: 4 }),
    badEdus: fc.uniqueArray(fc.integer({ min: 1, max: 220 }), { maxLength: 4 }),
    sizeMax: fc.constantFrom(1, 7, 60, 1_000),
    error: fc.constantFrom(
      new PeerError('status', 'refused', { status: 400 }),
      new PeerError('status', 'refused', { status: 401 }),
      new PeerError('status', 'too large', { status: 413 }),
      new CanonicalJsonError('cannot be signed'),
    ),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ pdus, edus, badPdus, badEdus, sizeMax, error }) => {
      const taken = { pdus: [] as number[], edus: [] as number[] };
      const { clock, addPdus, addEdus, sender, boxOf } = setUp((sent) => {
        // The store counts on from the PDUs.
        const eduNumbers = sent.edus.map(({ content }) => Number((content as JsonObject)['n']));
        const ns = { pdus: numbers(sent.pdus), edus: eduNumbers.map((n) => n - pdus) };
        const isBad =
          ns.pdus.some((n) => badPdus.includes(n)) || ns.edus.some((n) => badEdus.includes(n));
        if (isBad || ns.pdus.length + ns.edus.length > sizeMax) throw error;
        taken.pdus.push(...ns.pdus);
        taken.edus.push(...ns.edus);
      });
      addPdus('a', pdus);
      addEdus('a', edus);
      sender.wake('a');
      await clock.advance(hour);
      const isLeft = clock.nextTimerMs() !== undefined;
      const good = (count: number, bad: readonly number[]) =>
        range(count).filter((n) => !bad.includes(n));
      return (
        !isLeft &&
        JSON.stringify(taken.pdus) === JSON.stringify(good(pdus, badPdus)) &&
        JSON.stringify(taken.edus) === JSON.stringify(good(edus, badEdus)) &&
        boxOf('a').confirmed.length === pdus
      );
    }),
    { numRuns: 40 },
  );
});

t.test('a peer that takes nothing at all loses nothing by it', async (t) => {
  for (const status of [400, 401, 403, 404, 429, 500, 502]) {
    const { clock, addPdus, addEdus, sender, sent, net, boxOf } = setUp(() => refuse(status));
    addPdus('a', 3);
    addEdus('a', 3);
    sender.wake('a');
    await clock.advance(12 * hour);
    t.ok(sent.length < 60, `${status}: the pauses grow`);
    t.equal(boxOf('a').edus.length, 3);
    t.strictSame(boxOf('a').confirmed, []);
    t.equal(boxOf('a').pdus.at(-1)?.position, 3);
    net.answer = () => undefined;
    await clock.advance(limits.backoffMsMax * 2);
    t.equal(boxOf('a').edus.length, 0);
    t.strictSame(boxOf('a').confirmed, [3], 'the latest event of the room');
    t.equal(clock.nextTimerMs(), undefined);
  }
});

t.test('a refusal that passes costs nothing either', async (t) => {
  const { clock, addPdus, addEdus, sender, sent, net, boxOf } = setUp(() => refuse());
  addPdus('a', 2);
  addEdus('a', 2);
  sender.ephemeral('a', { edu_type: 'm.typing' });
  await clock.settle();
  net.answer = () => undefined;
  await clock.advance(1_000);
  t.equal(sent.length, 2);
  t.strictSame(sent[1], sent[0], 'the same is sent once more');
  t.strictSame(boxOf('a').confirmed, [1, 2]);
  t.equal(boxOf('a').edus.length, 0);
});

t.test('typing that a peer refuses is given up', async (t) => {
  const { clock, addPdus, sender, net, boxOf } = setUp(({ edus }) => {
    if (edus.length > 0) refuse();
  });
  sender.ephemeral('a', { edu_type: 'm.typing' });
  await clock.advance(hour);
  t.equal(clock.nextTimerMs(), undefined);
  addPdus('a', 1);
  sender.wake('a');
  await clock.settle();
  t.strictSame(boxOf('a').confirmed, [1]);
  net.answer = () => undefined;
  sender.ephemeral('a', { edu_type: 'm.typing' });
  await clock.settle();
  t.equal(clock.nextTimerMs(), undefined);
});
