import type { Wait } from '../pauses.ts';

/** A clock that moves only when a test lets a pause pass. */
export const createHeldClock = (start: number) => {
  let now = start;
  let held: { readonly ms: number; readonly end: () => void } | undefined;
  let announce: (() => void) | undefined;
  const wait: Wait = (ms, signal) =>
    new Promise((resolve) => {
      const end = () => {
        held = undefined;
        resolve();
      };
      signal.addEventListener('abort', end, { once: true });
      held = { ms, end };
      announce?.();
    });
  /** The length of the pause that is taken, now or as soon as there is one. */
  const pause = async (): Promise<number> => {
    if (!held)
      await new Promise<void>((resolve) => {
        announce = resolve;
      });
    return held?.ms ?? 0;
  };
  return {
    now: () => now,
    wait,
    pause,
    /** Lets pauses pass until that much time is over; answers how many there were. */
    advance: async (ms: number): Promise<void> => {
      for (const endAt = now + ms; now < endAt; ) {
        now += Math.min(await pause(), endAt - now);
        held?.end();
      }
    },
  };
};
