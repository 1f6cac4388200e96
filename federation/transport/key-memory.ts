import type { KeyObject } from 'node:crypto';
import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import { publicKeyFromBase64 } from '../keys/signing-key.ts';
import { mergeKeys, type StoredKeys } from './key-documents.ts';
import type { KeyRequest } from './key-fetcher.ts';

export type KeyStore = {
  load(serverName: string): Promise<StoredKeys | undefined>;
  save(keys: StoredKeys): Promise<void>;
};

/** What memory holds of one server. */
export type KnownServer = {
  stored: StoredKeys | undefined;
  /** By public key, imported at first use. */
  readonly imported: Map<string, KeyObject>;
  /** Ends with the last save; saves of one server must not overtake each other. */
  saved: Promise<void>;
  failures: number;
  /** No fetch before this time. */
  retryAt: number;
};

/** A bounded cache in front of the store. */
export const createKeyMemory = (store: KeyStore, blockedKeys: Iterable<string>) => {
  const blocked = new Set(blockedKeys);
  const servers = new LRUCache<string, Promise<KnownServer>>({ max: limits.keyRingServersMax });

  const load = async (serverName: string): Promise<KnownServer> => {
    const stored = await store.load(serverName);
    return { stored, imported: new Map(), saved: Promise.resolve(), failures: 0, retryAt: 0 };
  };

  const knownOf = (serverName: string): Promise<KnownServer> => {
    const cached = servers.get(serverName);
    if (cached !== undefined) return cached;
    const loading = load(serverName);
    servers.set(serverName, loading);
    loading.catch(() => servers.delete(serverName));
    return loading;
  };

  return {
    knownOf,
    /** The key, if it is known, not blocked, and counts at the time asked for. */
    find: (known: KnownServer, { keyId, minimumValidUntil }: KeyRequest): KeyObject | undefined => {
      const keys = known.stored?.keys ?? {};
      const stored = Object.hasOwn(keys, keyId) ? keys[keyId] : undefined;
      if (stored === undefined || blocked.has(stored.key)) return undefined;
      if (stored.validUntilTs < minimumValidUntil) return undefined;
      const publicKey = known.imported.get(stored.key) ?? publicKeyFromBase64(stored.key);
      if (publicKey !== undefined) known.imported.set(stored.key, publicKey);
      return publicKey;
    },
    accept: async (fresh: StoredKeys, from: 'server' | 'notary'): Promise<void> => {
      const known = await knownOf(fresh.serverName);
      const merged = mergeKeys(known.stored, fresh, from);
      known.stored = merged;
      known.imported.clear();
      known.saved = known.saved.catch(() => undefined).then(() => store.save(merged));
      await known.saved;
    },
  };
};
