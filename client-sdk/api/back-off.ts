import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '@candor/spec';

/** Pauses that double from one failure to the next, with a random part so that clients do not come back together. */
export const backOff = () => {
  let failures = 0;
  return {
    reset: (): void => {
      failures = 0;
    },
    /** Waits, at least `atLeastMs`; returns early when the signal ends. */
    wait: async (signal: AbortSignal, atLeastMs = 0): Promise<void> => {
      const doubled = Math.min(
        limits.clientBackoffMsMin * 2 ** failures,
        limits.clientBackoffMsMax,
      );
      failures = Math.min(failures + 1, 30);
      const ms = Math.max(atLeastMs, doubled * (0.5 + Math.random() / 2));
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
  };
};
