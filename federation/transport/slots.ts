/** At most `slotsMax` tasks run at once; the others wait in the order they came. */
export const createSlots = (slotsMax: number) => {
  const waiting: (() => void)[] = [];
  let free = slotsMax;
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The slot passes straight to the next in line.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
};
