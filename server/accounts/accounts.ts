import type { Logger } from '../log.ts';
import type { Notifier } from '../notifier.ts';
import type { Database } from '../storage/database.ts';
import { LastSeen } from './last-seen.ts';
import { Sessions } from './sessions.ts';

/** What is kept in memory for accounts. */
export type Accounts = {
  readonly sessions: Sessions;
  readonly lastSeen: LastSeen;
  close(): Promise<void>;
};

export const createAccounts = (
  db: Database,
  notifier: Notifier,
  log: Logger,
  now: () => number,
): Accounts => {
  const sessions = new Sessions(db, notifier, now);
  const lastSeen = new LastSeen(db, log);
  return {
    sessions,
    lastSeen,
    close: async () => {
      sessions.close();
      await lastSeen.close();
    },
  };
};
