import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { largeGroup, type Measure } from '@candor/client-sdk/testing';
import { type Figure, summarise } from './figures.ts';

const sizes = [100, 1_000];

/** How long work takes altogether, and for how long the event loop stood still at most. */
const stopwatch = () => {
  let [totalMs, longestHoldMs] = [0, 0];
  const measure: Measure = async (work) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await turn();
    const startedMs = performance.now();
    const result = await work();
    totalMs += performance.now() - startedMs;
    await turn();
    delay.disable();
    longestHoldMs = Math.max(longestHoldMs, delay.max / 1e6);
    return result;
  };
  return { measure, read: () => ({ totalMs, longestHoldMs }) };
};

const measured = async (work: (measure: Measure) => Promise<void>) => {
  const { measure, read } = stopwatch();
  await work(measure);
  return read();
};

/** The SDK's part in a message to a large group: the first one, for which everything is missing, and the next. */
export const fanOutWorkload = async ({
  runs,
  report,
}: {
  readonly runs: number;
  readonly report: (figure: Figure) => void;
}): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'candor-fan-out-'));
  for (const size of sizes) {
    const results = { first: [], next: [] } as Record<
      'first' | 'next',
      Awaited<ReturnType<typeof measured>>[]
    >;
    for (let run = 0; run < runs; run += 1) {
      const group = await largeGroup(size, join(folder, `${size}-${run}.store`));
      results.first.push(await measured(group.send));
      results.next.push(await measured(group.send));
      await group.close();
    }
    for (const [which, all] of Object.entries(results))
      for (const [name, of] of [
        ['total', 'totalMs'],
        ['longest hold', 'longestHoldMs'],
      ] as const) {
        const workload = `${which} message to a group, ${name}`;
        const figure = summarise(all.map((one) => one[of]));
        report({ workload, server: 'none', database: 'SQLCipher', size, unit: 'ms', ...figure });
      }
  }
  await rm(folder, { recursive: true, force: true });
};
