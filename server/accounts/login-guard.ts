import { limits, MatrixError } from '@candor/spec';
import type { Database } from '../storage/database.ts';
import { readDeviceAddresses } from '../storage/devices.ts';
import { TokenBuckets } from '../token-buckets.ts';
import { addressNetwork } from './address-network.ts';

/**
 * Slows the guessing of one account's password from many addresses. Networks that a device of the account was
 * seen from are let through, so that a stranger's guesses lock nobody out of the places they use.
 */
export class LoginGuard {
  readonly #db: Database;
  /** Absent where rate limits are off. */
  readonly #failures: TokenBuckets | undefined;

  constructor(db: Database, now: () => number, isOn: boolean) {
    this.#db = db;
    if (isOn) {
      this.#failures = new TokenBuckets(limits.loginFailures, limits.rateLimitCallersMax, now);
    }
  }

  /** Throws M_LIMIT_EXCEEDED after too many failures, unless the address is known for this account. */
  async refuseGuessing(userId: string, address: string): Promise<void> {
    const retryAfterMs = this.#failures?.waitMs(userId);
    if (!retryAfterMs) return;
    const known = await readDeviceAddresses(this.#db, userId);
    const network = addressNetwork(address);
    if (known.some((address) => addressNetwork(address) === network)) return;
    throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many failed logins', {
      fields: { retry_after_ms: retryAfterMs },
    });
  }

  noteFailure(userId: string): void {
    this.#failures?.take(userId);
  }
}
