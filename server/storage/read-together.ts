import { isDatabaseUnavailable } from './database-unavailable.ts';

type Waiting<Key, Value> = {
  readonly key: Key;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Makes one read of those that are asked for in the same turn of the event loop, so that rooms which are worked at
 * side by side cost a query together and not one each. `read` answers in the order of its keys.
 */
export const readTogether = <Key, Value>(
  read: (keys: readonly Key[]) => Promise<readonly Value[]>,
): ((key: Key) => Promise<Value>) => {
  let waiting: Waiting<Key, Value>[] = [];
  const readAll = async (asked: readonly Waiting<Key, Value>[]): Promise<void> => {
    try {
      const values = await read(asked.map(({ key }) => key));
      for (const [index, { resolve }] of asked.entries()) resolve(values[index] as Value);
    } catch (error) {
      // One's bad row is not to take the others with it.
      const isShared = asked.length > 1 && !isDatabaseUnavailable(error);
      if (isShared) for (const one of asked) void readAll([one]);
      else for (const { reject } of asked) reject(error);
    }
  };
  return (key) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      if (waiting.length > 1) return;
      setImmediate(() => {
        const asked = waiting;
        waiting = [];
        void readAll(asked);
      });
    });
};
