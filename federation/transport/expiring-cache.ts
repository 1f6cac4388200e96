import { LRUCache } from 'lru-cache';

export type ExpiringCacheOptions<V extends object> = {
  readonly entriesMax: number;
  readonly now: () => number;
  /** `previous` is the expired value, if there still is one. */
  readonly load: (
    key: string,
    previous: V | undefined,
  ) => Promise<{ readonly value: V; readonly cacheMs: number }>;
};

/** A bounded cache whose loads say how long their value holds; callers at the same time share one load. */
export const createExpiringCache = <V extends object>(options: ExpiringCacheOptions<V>) => {
  const entries = new LRUCache<string, { readonly value: V; readonly until: number }>({
    max: options.entriesMax,
  });
  const loading = new Map<string, Promise<V>>();

  const load = async (key: string): Promise<V> => {
    try {
      const { value, cacheMs } = await options.load(key, entries.get(key)?.value);
      entries.set(key, { value, until: options.now() + cacheMs });
      return value;
    } finally {
      loading.delete(key);
    }
  };

  return async (key: string): Promise<V> => {
    const entry = entries.get(key);
    if (entry !== undefined && entry.until > options.now()) return entry.value;
    const shared = loading.get(key) ?? load(key);
    loading.set(key, shared);
    return shared;
  };
};
