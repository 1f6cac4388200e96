import type { KeyObject } from 'node:crypto';
import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import type { JsonObject } from '../events/room-event.ts';
import { publicKeyFromBase64 } from '../keys/signing-key.ts';
import { mergeKeys, type StoredKeys } from './key-documents.ts';
import { createKeyFetcher, type KeyRequest } from './key-fetcher.ts';
import type { PeerClient } from './peer-client.ts';
import type { TransportLog } from './transport-log.ts';

export type KeyStore = {
  load(serverName: string): Promise<StoredKeys | undefined>;
  save(keys: StoredKeys): Promise<void>;
};

/** A key of our own; one we no longer sign with counts for what it signed up to `expiredTs`. */
export type OwnPublicKey = {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly expiredTs?: number;
};

export type KeyRing = {
  /** The keys that could be had and count; a request without an answer is missing from the map. Never rejects over the network. */
  keysFor(requests: readonly KeyRequest[]): Promise<Map<KeyRequest, KeyObject>>;
  /** Other servers' key documents as they signed them, refreshed when half their life is over. */
  documentsFor(
    queries: readonly { readonly serverName: string; readonly minimumValidUntil: number }[],
  ): Promise<JsonObject[]>;
};

export type KeyRingOptions = {
  readonly serverName: string;
  readonly ownKeys: () => readonly OwnPublicKey[];
  readonly store: KeyStore;
  readonly client: Pick<PeerClient, 'request'>;
  readonly trustedKeyServers: readonly string[];
  readonly now: () => number;
  /** Public keys in unpadded base64 that count for nothing, under whatever name: known to be leaked. */
  readonly blockedKeys?: readonly string[];
  readonly log?: TransportLog;
};

type Wanted = ReadonlyMap<string, readonly KeyRequest[]>;

/** What memory holds of one server. */
type Known = {
  stored: StoredKeys | undefined;
  readonly objects: Map<string, KeyObject>;
  failures: number;
  /** No fetch before this time. */
  retryAt: number;
};

/** The sources of a fetch under way, each settled once what it brought is in `Known`. */
type Flight = readonly Promise<boolean>[];

/** Resolves at once without sources, else as soon as `done` holds after one of the sources, or all have ended. */
const settle = (sources: Flight, done: () => boolean): Promise<void> =>
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

const refetchMs = (failures: number): number =>
  Math.min(limits.keyRefetchMsMax, limits.keyRefetchMsMin * 2 ** failures);

/** Other servers' public keys: from memory, the store, the server itself and notaries, in bulk. */
// https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys
export const createKeyRing = (options: KeyRingOptions): KeyRing => {
  const { now, store } = options;
  const blocked = new Set(options.blockedKeys);
  const memory = new LRUCache<string, Promise<Known>>({ max: limits.keyRingServersMax });
  const flights = new Map<string, Flight>();

  const knownOf = (serverName: string): Promise<Known> => {
    const load = async (): Promise<Known> => {
      const stored = await store.load(serverName);
      return { stored, objects: new Map(), failures: 0, retryAt: 0 };
    };
    const known = memory.get(serverName) ?? load();
    memory.set(serverName, known);
    known.catch(() => memory.delete(serverName));
    return known;
  };

  const ownKey = ({ keyId, minimumValidUntil }: KeyRequest): KeyObject | undefined => {
    const own = options.ownKeys().find((key) => key.keyId === keyId);
    const counts = own !== undefined && (own.expiredTs ?? Infinity) >= minimumValidUntil;
    return counts ? own.publicKey : undefined;
  };

  const find = (known: Known | undefined, request: KeyRequest): KeyObject | undefined => {
    const keys = known?.stored?.keys ?? {};
    const stored = Object.hasOwn(keys, request.keyId) ? keys[request.keyId] : undefined;
    if (known === undefined || stored === undefined || blocked.has(stored.key)) return undefined;
    if (stored.validUntilTs < request.minimumValidUntil) return undefined;
    const object = known.objects.get(stored.key) ?? publicKeyFromBase64(stored.key);
    if (object !== undefined) known.objects.set(stored.key, object);
    return object;
  };

  const accept = async (fresh: StoredKeys, from: 'server' | 'notary'): Promise<void> => {
    const known = await knownOf(fresh.serverName);
    known.stored = mergeKeys(known.stored, fresh, from);
    known.objects.clear();
    await store.save(known.stored);
  };

  const fetcher = createKeyFetcher({
    ...options,
    accept,
    keysFor: (requests) => keysFor(requests),
  });

  const loadAll = async (entries: readonly { readonly serverName: string }[]) => {
    const names = new Set(entries.map(({ serverName }) => serverName));
    names.delete(options.serverName);
    const loaded = [...names].map(async (name) => [name, await knownOf(name)] as const);
    return new Map(await Promise.all(loaded));
  };

  /** Starts fetching for the servers that are not being fetched and not in back-off. */
  const startFlights = (wanted: Wanted, known: ReadonlyMap<string, Known>, notaries: boolean) => {
    const isDue = (name: string) => !flights.has(name) && (known.get(name)?.retryAt ?? 0) <= now();
    const due = new Map([...wanted].filter(([name]) => isDue(name)));
    const fromNotaries = fetcher.fromNotaries(notaries ? due : new Map());
    for (const name of due.keys()) {
      const sources = [fetcher.fromServer(name), ...fromNotaries(name)];
      flights.set(name, sources);
      void Promise.all(sources).then((results) => {
        flights.delete(name);
        const entry = known.get(name);
        if (entry === undefined) return;
        entry.failures = results.includes(true) ? 0 : entry.failures + 1;
        entry.retryAt = now() + refetchMs(entry.failures);
      });
    }
  };

  const landed = (name: string, done: () => boolean) => settle(flights.get(name) ?? [], done);

  const keysFor: KeyRing['keysFor'] = async (requests) => {
    const known = await loadAll(requests);
    const keyOf = (request: KeyRequest) =>
      request.serverName === options.serverName
        ? ownKey(request)
        : find(known.get(request.serverName), request);
    const isMissing = (request: KeyRequest) =>
      request.serverName !== options.serverName && keyOf(request) === undefined;
    const missing = Map.groupBy(requests.filter(isMissing), ({ serverName }) => serverName);
    startFlights(missing, known, true);
    await Promise.all(
      [...missing].map(([name, group]) => landed(name, () => !group.some(isMissing))),
    );
    const found = new Map<KeyRequest, KeyObject>();
    for (const request of requests) {
      const key = keyOf(request);
      if (key !== undefined) found.set(request, key);
    }
    return found;
  };

  const documentsFor: KeyRing['documentsFor'] = async (queries) => {
    const known = await loadAll(queries);
    const isStale = ({ serverName, minimumValidUntil }: (typeof queries)[number]) => {
      const stored = known.get(serverName)?.stored;
      if (stored === undefined || stored.validUntilTs < minimumValidUntil) return true;
      return now() - stored.fetchedTs > (stored.validUntilTs - stored.fetchedTs) / 2;
    };
    const stale = queries.filter(({ serverName }) => known.has(serverName)).filter(isStale);
    const wanted = new Map(stale.map(({ serverName }) => [serverName, []]));
    // A notary asks the server itself, never another notary.
    startFlights(wanted, known, false);
    await Promise.all(stale.map((query) => landed(query.serverName, () => !isStale(query))));
    return [...known.values()].flatMap(({ stored }) => (stored ? [stored.document] : []));
  };

  return { keysFor, documentsFor };
};
