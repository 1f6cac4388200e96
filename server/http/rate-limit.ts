import { limits, MatrixError, type RateLimitBucket } from '@candor/spec';
import { TokenBuckets } from '../token-buckets.ts';

/** Takes one request from the bucket of `who`; throws M_LIMIT_EXCEEDED when it is empty. */
export type RateLimit = (bucket: RateLimitBucket, who: string) => void;

export const createRateLimit = (now: () => number): RateLimit => {
  const buckets = new Map<RateLimitBucket, TokenBuckets>();
  return (bucket, who) => {
    let ofBucket = buckets.get(bucket);
    if (!ofBucket) {
      ofBucket = new TokenBuckets(limits.rates[bucket], limits.rateLimitCallersMax, now);
      buckets.set(bucket, ofBucket);
    }
    const retryAfterMs = ofBucket.take(who);
    if (retryAfterMs > 0) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests', {
        fields: { retry_after_ms: retryAfterMs },
      });
    }
  };
};
