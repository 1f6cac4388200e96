import { limits } from '@candor/spec';
import type { createKeyFetcher, KeyRequest } from './key-fetcher.ts';
import type { KnownServer } from './key-memory.ts';

export type Wanted = ReadonlyMap<string, readonly KeyRequest[]>;

export type KeyFlightsOptions = {
  readonly fetcher: ReturnType<typeof createKeyFetcher>;
  readonly now: () => number;
};

const refetchMs = (failures: number): number =>
  Math.min(limits.keyRefetchMsMax, limits.keyRefetchMsMin * 2 ** failures);

/** Resolves at once without sources, else as soon as `done` holds after one of them, or all have ended. */
const settle = (sources: readonly Promise<boolean>[], done: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    let open = sources.length;
    if (open === 0) resolve();
    for (const source of sources) {
      void source.then(() => {
        open -= 1;
        if (open === 0 || done()) resolve();
      });
    }
  });

/** Fetches under way, shared by all who wait for the same server, and not repeated before a while. */
export const createKeyFlights = ({ fetcher, now }: KeyFlightsOptions) => {
  const flights = new Map<string, readonly Promise<boolean>[]>();

  return {
    /** Fetches for the servers that are neither being fetched nor in back-off. */
    start: (
      wanted: Wanted,
      known: ReadonlyMap<string, KnownServer>,
      askNotaries: boolean,
    ): void => {
      const due = [...wanted].flatMap(([name, requests]) => {
        const server = known.get(name);
        const isDue = server !== undefined && server.retryAt <= now() && !flights.has(name);
        return isDue ? [{ name, requests, server }] : [];
      });
      const asked = askNotaries ? due.map(({ name, requests }) => [name, requests] as const) : [];
      const fromNotaries = fetcher.fromNotaries(new Map(asked));
      for (const { name, server } of due) {
        const sources = [fetcher.fromServer(name), ...fromNotaries(name)];
        flights.set(name, sources);
        void Promise.all(sources).then((results) => {
          flights.delete(name);
          server.failures = results.includes(true) ? 0 : server.failures + 1;
          server.retryAt = now() + refetchMs(server.failures);
        });
      }
    },
    /** Resolves when `done` holds or nothing more is coming for the server. */
    landed: (name: string, done: () => boolean): Promise<void> =>
      settle(flights.get(name) ?? [], done),
  };
};
