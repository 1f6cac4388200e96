/** Runs tasks one after another in the order they came, whatever became of those before. */
export const exclusive = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const run = last.then(task, task);
    last = run.catch(() => undefined);
    return run;
  };
};

/** Returns a pause for long loops: it lets the event loop turn once the time is used up. */
export const yieldEvery = (holdMs: number) => {
  let since = performance.now();
  return async (): Promise<void> => {
    if (performance.now() - since < holdMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  };
};
