import type { LRUCache } from 'lru-cache';
import { recentlyUsed } from './recently-used.ts';

export type Rate = {
  /** What may be taken at once from a full bucket. */
  readonly burst: number;
  /** What comes back. */
  readonly perMinute: number;
};

/**
 * Token buckets by key, each kept as one number: the time at which it is full again. A forgotten bucket
 * is a full one, so that memory is bounded by `keysMax`.
 */
export class TokenBuckets {
  readonly #fullAt: LRUCache<string, number>;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  readonly #now: () => number;

  constructor(rate: Rate, keysMax: number, now: () => number) {
    this.#fullAt = recentlyUsed(keysMax);
    this.#intervalMs = 60_000 / rate.perMinute;
    this.#burstMs = rate.burst * this.#intervalMs;
    this.#now = now;
  }

  /** Takes one, and gives 0; or takes none, and gives the milliseconds until there is one. */
  take(key: string): number {
    const waitMs = this.waitMs(key);
    if (waitMs === 0) this.#fullAt.set(key, this.#fullAfterOneMore(key));
    return waitMs;
  }

  /** Milliseconds until there is one to take; 0 when there is. */
  waitMs(key: string): number {
    return Math.max(0, Math.ceil(this.#fullAfterOneMore(key) - this.#now() - this.#burstMs));
  }

  #fullAfterOneMore(key: string): number {
    return Math.max(this.#now(), this.#fullAt.get(key) ?? 0) + this.#intervalMs;
  }
}
