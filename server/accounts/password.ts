import { limits, MatrixError } from '@candor/spec';
import { argon2id, hash, needsRehash, verify } from 'argon2';

/** Argon2id with 64 MiB, 3 passes and 4 lanes. */
const parameters = { type: argon2id, timeCost: 3, memoryCost: 65_536, parallelism: 4 } as const;

/** Matches no password; checked where there is no account, so that this takes as long as where there is one. */
const hashOfNobody =
  '$argon2id$v=19$m=65536,t=3,p=4$5X7gwhOs94dQkWuLqVmCkg$FcYxPGC+eSW7u4x5vvO4xyP8A5NV8Fz8FhT5kTkCyUA';

let running = 0;
const waiting: (() => void)[] = [];

/** Each hash takes 64 MiB and a core, so that only a few run at once in a process, and not too many wait. */
const withSlot = async <T>(work: () => Promise<T>): Promise<T> => {
  if (running >= limits.passwordHashesAtOnceMax) {
    if (waiting.length >= limits.passwordHashesWaitingMax) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many logins at once', {
        fields: { retry_after_ms: limits.passwordRetryMs },
      });
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
};

/** Throws M_WEAK_PASSWORD for a new password that is too short. */
export const refuseWeakPassword = (password: string): void => {
  if (password.length >= limits.passwordLengthMin) return;
  throw new MatrixError(
    'M_WEAK_PASSWORD',
    `A password has at least ${limits.passwordLengthMin} characters`,
  );
};

/** A PHC string; the parameters in it are read again when a password is checked. */
export const hashPassword = (password: string): Promise<string> =>
  withSlot(() => hash(password, parameters));

/** `isOutdated`: the stored hash was made with other parameters than today's and should be made anew. */
export const checkPassword = async (
  password: string,
  storedHash: string | undefined,
): Promise<{ readonly matches: boolean; readonly isOutdated: boolean }> => {
  const matches = await withSlot(() => verify(storedHash ?? hashOfNobody, password));
  return {
    matches: matches && storedHash !== undefined,
    isOutdated: storedHash !== undefined && needsRehash(storedHash, parameters),
  };
};
