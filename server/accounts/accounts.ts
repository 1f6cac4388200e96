import { limits } from '@candor/spec';
import type { Logger } from '../log.ts';
import type { Notifier } from '../notifier.ts';
import { type Database, transact } from '../storage/database.ts';
import { pruneUiaSessions } from '../storage/uia-sessions.ts';
import { LastSeen } from './last-seen.ts';
import { LoginGuard } from './login-guard.ts';
import { RegistrationNonces } from './registration-nonces.ts';
import { Sessions } from './sessions.ts';

/** What is kept in memory for accounts. */
export type Accounts = {
  readonly sessions: Sessions;
  readonly lastSeen: LastSeen;
  readonly loginGuard: LoginGuard;
  readonly nonces: RegistrationNonces;
  close(): Promise<void>;
};

export const createAccounts = (
  db: Database,
  notifier: Notifier,
  options: {
    readonly log: Logger;
    readonly now: () => number;
    readonly rateLimits: boolean;
  },
): Accounts => {
  const { log, now, rateLimits } = options;
  const prune = async (): Promise<void> => {
    const begunBefore = now() - limits.uiaSessionLifetimeMs;
    try {
      await transact(db, (tx) => pruneUiaSessions(tx, begunBefore, limits.uiaSessionsMax));
    } catch (error) {
      log.warn({ err: error }, 'old authentications were not removed');
    }
  };
  const pruning = setInterval(() => void prune(), limits.uiaPruneMs).unref();
  const sessions = new Sessions(db, notifier, now);
  const lastSeen = new LastSeen(db, log);
  return {
    sessions,
    lastSeen,
    loginGuard: new LoginGuard(db, now, rateLimits),
    nonces: new RegistrationNonces(now),
    close: async () => {
      clearInterval(pruning);
      sessions.close();
      await lastSeen.close();
    },
  };
};
