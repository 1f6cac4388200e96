/** A clock that stands still until it is moved; timers fire in their order as it passes them. */
export const createFakeClock = (start: number) => {
  let now = start;
  let timers: { readonly at: number; readonly callback: () => void }[] = [];
  /** Lets everything run that waits for nothing but promises. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    now: () => now,
    setTimer: (callback: () => void, ms: number): (() => void) => {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    settle,
    nextTimerMs: (): number | undefined =>
      timers.length === 0 ? undefined : Math.min(...timers.map(({ at }) => at)) - now,
    advance: async (ms: number): Promise<void> => {
      const end = now + ms;
      for (;;) {
        await settle();
        const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((other) => other !== next);
        now = Math.max(now, next.at);
        next.callback();
      }
      now = end;
      await settle();
    },
  };
};
