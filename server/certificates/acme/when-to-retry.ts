import { limits } from '@candor/spec';
import type { AcmeFailure } from './acme-files.ts';

/** The pause after this many failures in a row, in milliseconds: it doubles, and is up to half longer at random. */
export const pauseAfter = (failures: number, random: number): number =>
  Math.min(limits.acmeRetryMsMin * 2 ** (failures - 1), limits.acmeRetryMsMax) * (1 + random / 2);

/**
 * When a server that starts may try again: a person may have mended something and not want to wait, a service
 * manager may start it again and again. What the authority asked for holds in any case.
 */
export const retryAtStart = (failure: AcmeFailure, now: number): number => {
  if (failure.isAskedFor) return failure.retryAt;
  // A clock that was wrong must not hold us up.
  if (failure.attemptedAt > now) return now;
  return Math.min(failure.retryAt, failure.attemptedAt + limits.acmeRetryMsMin);
};
