import { LRUCache } from 'lru-cache';

/** A map of at most `entriesMax` entries that forgets the least recently used. */
export const recentlyUsed = <K extends string | number, V extends {}>(
  entriesMax: number,
  dispose?: (value: V, key: K) => void,
): LRUCache<K, V> =>
  // Bounded by size and not by `max`, which would take the memory of a full map at once.
  new LRUCache<K, V>({ maxSize: entriesMax, sizeCalculation: () => 1, dispose });
