import { limits, MatrixError, type RateLimitBucket } from '@candor/spec';
import { LRUCache } from 'lru-cache';

/** Takes one request from the bucket of `who`; throws M_LIMIT_EXCEEDED when it is empty. */
export type RateLimit = (bucket: RateLimitBucket, who: string) => void;

/**
 * Token buckets, each kept as one number: the time at which the bucket would be full again. A bucket that was
 * forgotten is full, so memory is bounded by the number of callers of the last minutes.
 */
export const createRateLimit = (now: () => number): RateLimit => {
  const fullAt = new LRUCache<string, number>({ max: limits.rateLimitCallersMax });
  return (bucket, who) => {
    const { burst, perMinute } = limits.rates[bucket];
    const intervalMs = 60_000 / perMinute;
    const time = now();
    const key = `${bucket} ${who}`;
    const next = Math.max(time, fullAt.get(key) ?? 0) + intervalMs;
    const retryAfterMs = Math.ceil(next - time - burst * intervalMs);
    if (retryAfterMs > 0) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests', {
        fields: { retry_after_ms: retryAfterMs },
      });
    }
    fullAt.set(key, next);
  };
};
