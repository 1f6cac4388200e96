import { limits, MatrixError } from '@candor/spec';
import type { Database } from '../storage/database.ts';
import { readDeviceAddresses } from '../storage/devices.ts';
import { TokenBuckets } from '../token-buckets.ts';
import { addressNetwork } from './address-network.ts';

const tooMany = (retryAfterMs: number): MatrixError =>
  new MatrixError('M_LIMIT_EXCEEDED', 'Too many failed logins', {
    fields: { retry_after_ms: retryAfterMs },
  });

/**
 * Slows the guessing of one account's password, from one network and from many. Against many, networks that a device
 * of the account was seen from are let through, so that a stranger's guesses lock nobody out of the places they use.
 */
export class LoginGuard {
  readonly #db: Database;
  readonly #isOn: boolean;
  readonly #failures: TokenBuckets;
  readonly #failuresFromNetwork: TokenBuckets;

  constructor(db: Database, now: () => number, isOn: boolean) {
    this.#db = db;
    this.#isOn = isOn;
    const { loginFailures, loginFailuresFromNetwork, rateLimitCallersMax } = limits;
    this.#failures = new TokenBuckets(loginFailures, rateLimitCallersMax, now);
    this.#failuresFromNetwork = new TokenBuckets(
      loginFailuresFromNetwork,
      rateLimitCallersMax,
      now,
    );
  }

  /** Throws M_LIMIT_EXCEEDED after too many failures. */
  async refuseGuessing(userId: string, address: string): Promise<void> {
    if (!this.#isOn) return;
    const network = addressNetwork(address);
    const fromHereMs = this.#failuresFromNetwork.waitMs(`${userId} ${network}`);
    if (fromHereMs > 0) throw tooMany(fromHereMs);
    const retryAfterMs = this.#failures.waitMs(userId);
    if (retryAfterMs === 0) return;
    const known = await readDeviceAddresses(this.#db, userId);
    if (known.some((address) => addressNetwork(address) === network)) return;
    throw tooMany(retryAfterMs);
  }

  noteFailure(userId: string, address: string): void {
    this.#failures.take(userId);
    this.#failuresFromNetwork.take(`${userId} ${addressNetwork(address)}`);
  }
}
