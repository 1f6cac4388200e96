/** Returns a pause for long loops: it lets the event loop turn once the time is used up. */
export const yieldEvery = (holdMs: number) => {
  let since = performance.now();
  return async (): Promise<void> => {
    if (performance.now() - since < holdMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  };
};
