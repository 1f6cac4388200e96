import { limits, MatrixError } from '@candor/spec';
import { type Rate, TokenBuckets } from '../token-buckets.ts';

/** How fast other servers may invite; each throws M_LIMIT_EXCEEDED. */
export type InviteLimit = {
  readonly from: (serverName: string) => void;
  readonly to: (userId: string) => void;
};

const createTake = (rate: Rate, now: () => number): ((key: string) => void) => {
  const buckets = new TokenBuckets(rate, limits.rateLimitCallersMax, now);
  return (key) => {
    const retryAfterMs = buckets.take(key);
    if (retryAfterMs === 0) return;
    throw new MatrixError('M_LIMIT_EXCEEDED', 'too many invitations', {
      fields: { retry_after_ms: retryAfterMs },
    });
  };
};

/** Each invitation to a room that nobody here has heard of makes that room known here. */
export const createInviteLimit = (now: () => number): InviteLimit => ({
  from: createTake(limits.invitesFromServer, now),
  to: createTake(limits.invitesToUser, now),
});
