export type Heap<T> = {
  readonly push: (item: T) => void;
  /** Takes the first item out; undefined when there is none. */
  readonly pop: () => T | undefined;
};

/** A binary heap that gives its items in the order of `isBefore`. */
export const createHeap = <T>(isBefore: (a: T, b: T) => boolean): Heap<T> => {
  const items: T[] = [];

  const rise = (item: T, from: number): void => {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent] as T;
      if (!isBefore(item, above)) break;
      items[index] = above;
      index = parent;
    }
    items[index] = item;
  };

  const sink = (item: T): void => {
    let index = 0;
    for (let child = 1; child < items.length; child = 2 * index + 1) {
      const right = child + 1;
      if (right < items.length && isBefore(items[right] as T, items[child] as T)) child = right;
      if (!isBefore(items[child] as T, item)) break;
      items[index] = items[child] as T;
      index = child;
    }
    items[index] = item;
  };

  return {
    push: (item) => rise(item, items.length),
    pop: () => {
      const first = items[0];
      const last = items.pop();
      if (last !== undefined && items.length > 0) sink(last);
      return first;
    },
  };
};
