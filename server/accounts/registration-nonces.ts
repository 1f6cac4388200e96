import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { limits, MatrixError } from '@candor/spec';

export type SharedSecretRequest = {
  readonly nonce: string;
  readonly username: string;
  readonly password: string;
  readonly mac: string;
  readonly admin?: boolean;
  readonly user_type?: string | null;
};

const macOf = (secret: string, request: SharedSecretRequest): Buffer => {
  const { nonce, username, password, admin, user_type } = request;
  const parts = [nonce, username, password, admin ? 'admin' : 'notadmin'];
  if (user_type) parts.push(user_type);
  return createHmac('sha1', secret).update(parts.join('\0')).digest();
};

/** Nonces of the registration with a shared secret: each is good once, and not for long. */
// https://element-hq.github.io/synapse/latest/admin_api/register_api.html
export class RegistrationNonces {
  readonly #expiresAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  make(): string {
    for (const [nonce, expiresAt] of this.#expiresAt) {
      const isFull = this.#expiresAt.size >= limits.registrationNoncesMax;
      if (expiresAt > this.#now() && !isFull) break;
      this.#expiresAt.delete(nonce);
    }
    const nonce = randomBytes(32).toString('hex');
    this.#expiresAt.set(nonce, this.#now() + limits.registrationNonceLifetimeMs);
    return nonce;
  }

  /** Spends the nonce. Throws when it is not known, or when the MAC was not made with the secret. */
  check(secret: string, request: SharedSecretRequest): void {
    const expiresAt = this.#expiresAt.get(request.nonce);
    this.#expiresAt.delete(request.nonce);
    if (expiresAt === undefined || expiresAt <= this.#now()) {
      throw new MatrixError('M_UNKNOWN', 'unrecognised nonce', { status: 400 });
    }
    const expected = macOf(secret, request);
    const given = Buffer.from(request.mac, 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new MatrixError('M_FORBIDDEN', 'HMAC incorrect');
    }
  }
}
