import type { KeyObject } from 'node:crypto';
import type { JsonObject } from '../events/room-event.ts';
import { publicKeyFromBase64 } from '../keys/signing-key.ts';
import { createKeyFetcher, type KeyRequest } from './key-fetcher.ts';
import { createKeyFlights } from './key-flights.ts';
import { createKeyMemory, type KeyStore } from './key-memory.ts';
import type { PeerClient } from './peer-client.ts';
import type { TransportLog } from './transport-log.ts';

/** A key of our own; one we no longer sign with counts for what it signed up to `expiredTs`. */
export type OwnPublicKey = {
  readonly keyId: string;
  /** Unpadded base64. */
  readonly publicKey: string;
  readonly expiredTs?: number;
};

export type KeyDocumentQuery = { readonly serverName: string; readonly minimumValidUntil: number };

export type KeyRing = {
  /** The keys that could be had and count; a request without an answer is missing from the map. Rejects only with the store. */
  keysFor(requests: readonly KeyRequest[]): Promise<Map<KeyRequest, KeyObject>>;
  /** Other servers' key documents as they signed them, refreshed when half their life is over; ours is left out. */
  documentsFor(queries: readonly KeyDocumentQuery[]): Promise<JsonObject[]>;
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

const findOwn = (
  keys: readonly OwnPublicKey[],
  { keyId, minimumValidUntil }: KeyRequest,
): KeyObject | undefined => {
  const own = keys.find((key) => key.keyId === keyId);
  if (own === undefined || (own.expiredTs ?? Infinity) < minimumValidUntil) return undefined;
  return publicKeyFromBase64(own.publicKey);
};

/** Public keys of servers: from memory, the store, the server itself and notaries, many at once. */
// https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys
export const createKeyRing = (options: KeyRingOptions): KeyRing => {
  const { now, serverName: own } = options;
  const memory = createKeyMemory(options.store, options.blockedKeys ?? []);
  const fetcher = createKeyFetcher({
    ...options,
    accept: memory.accept,
    keysFor: (requests) => keysFor(requests),
  });
  const flights = createKeyFlights({ fetcher, now });

  const loadAll = async (entries: readonly { readonly serverName: string }[]) => {
    const names = new Set(entries.map(({ serverName }) => serverName));
    names.delete(own);
    const loading = [...names].map(async (name) => [name, await memory.knownOf(name)] as const);
    return new Map(await Promise.all(loading));
  };

  const keysFor: KeyRing['keysFor'] = async (requests) => {
    const known = await loadAll(requests);
    const keyOf = (request: KeyRequest) => {
      const server = known.get(request.serverName);
      return server === undefined
        ? findOwn(options.ownKeys(), request)
        : memory.find(server, request);
    };
    const isMissing = (request: KeyRequest) =>
      request.serverName !== own && keyOf(request) === undefined;
    const missing = Map.groupBy(requests.filter(isMissing), ({ serverName }) => serverName);
    flights.start(missing, known, true);
    await Promise.all(
      [...missing].map(([name, group]) => flights.landed(name, () => !group.some(isMissing))),
    );
    const found = requests.map((request) => [request, keyOf(request)] as const);
    return new Map(
      found.filter((entry): entry is [KeyRequest, KeyObject] => entry[1] !== undefined),
    );
  };

  const documentsFor: KeyRing['documentsFor'] = async (queries) => {
    const known = await loadAll(queries);
    const isStale = ({ serverName, minimumValidUntil }: KeyDocumentQuery): boolean => {
      const stored = known.get(serverName)?.stored;
      if (stored === undefined || stored.validUntilTs < minimumValidUntil) return true;
      return now() - stored.fetchedTs > (stored.validUntilTs - stored.fetchedTs) / 2;
    };
    const stale = queries.filter((query) => query.serverName !== own && isStale(query));
    // A notary asks the server itself, never another notary.
    flights.start(new Map(stale.map(({ serverName }) => [serverName, []])), known, false);
    await Promise.all(
      stale.map((query) => flights.landed(query.serverName, () => !isStale(query))),
    );
    return [...known.values()].flatMap(({ stored }) => (stored ? [stored.document] : []));
  };

  return { keysFor, documentsFor };
};
