import { limits } from '@candor/spec';
import type { LRUCache } from 'lru-cache';
import type { Notifier } from '../notifier.ts';
import { recentlyUsed } from '../recently-used.ts';
import { type Database, transact } from '../storage/database.ts';
import { confirmAccessToken, readSession } from '../storage/tokens.ts';
import { tokenHash } from './token.ts';

/** Whom an access token speaks for. */
export type Session = {
  readonly userId: string;
  readonly deviceId: string;
  /** Milliseconds since the epoch; undefined for a token that does not expire. */
  readonly expiresAt: number | undefined;
  readonly isAdmin: boolean;
  readonly isLocked: boolean;
  readonly isSuspended: boolean;
  /** The password is one that an administrator gave. */
  readonly mustChangePassword: boolean;
};

/** Access tokens in use, looked up in the database once and kept until they end or their user changes. */
export class Sessions {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #byHash: LRUCache<string, Session>;
  readonly #hashesByUser = new Map<string, Set<string>>();
  readonly #stopListening: () => void;
  /** Counts what made sessions stale, so that a look-up that began before it is not kept. */
  #changes = 0;

  constructor(db: Database, notifier: Notifier, now: () => number) {
    this.#db = db;
    this.#now = now;
    this.#byHash = recentlyUsed(limits.sessionsCachedMax, (session, hash) => {
      const hashes = this.#hashesByUser.get(session.userId);
      hashes?.delete(hash);
      if (hashes?.size === 0) this.#hashesByUser.delete(session.userId);
    });
    this.#stopListening = notifier.listen(({ change }) => {
      if (change.kind === 'sessionEnded') this.#forget(change.userId, change.deviceId);
      else if (change.kind === 'accountChanged') this.#forget(change.userId);
    });
  }

  /** The session of an access token, also when it has expired; undefined for an unknown token. */
  find(token: string): Session | Promise<Session | undefined> {
    const hash = tokenHash(token);
    return this.#byHash.get(hash.toString('latin1')) ?? this.#load(hash);
  }

  close(): void {
    this.#stopListening();
  }

  async #load(hash: Buffer): Promise<Session | undefined> {
    const changesBefore = this.#changes;
    const found = await readSession(this.#db, hash);
    if (!found) return undefined;
    const { replacedRefreshHash, ...session } = found;
    if (replacedRefreshHash) {
      const isStillThere = await transact(this.#db, (tx) =>
        confirmAccessToken(tx, hash, replacedRefreshHash, this.#now()),
      );
      if (!isStillThere) return undefined;
    }
    if (changesBefore === this.#changes) this.#keep(hash.toString('latin1'), session);
    return session;
  }

  #keep(hash: string, session: Session): void {
    this.#byHash.set(hash, session);
    const hashes = this.#hashesByUser.get(session.userId);
    if (hashes) hashes.add(hash);
    else this.#hashesByUser.set(session.userId, new Set([hash]));
  }

  #forget(userId: string, deviceId?: string): void {
    this.#changes += 1;
    for (const hash of [...(this.#hashesByUser.get(userId) ?? [])]) {
      const isMeant = deviceId === undefined || this.#byHash.peek(hash)?.deviceId === deviceId;
      if (isMeant) this.#byHash.delete(hash);
    }
  }
}
