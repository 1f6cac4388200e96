import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import type { Db } from '../storage/database.ts';
import { readSentTransactions } from '../storage/sent-transactions.ts';

/** The session and request that a transaction id belongs to. */
// https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
export type Transaction = {
  readonly deviceId: string;
  /** Operation, path and transaction id: the scope of idempotence. */
  readonly txnKey: string;
  /** As the client gave it, for `unsigned.transaction_id`. */
  readonly txnId: string;
};

type Session = Map<string, string>;

/** Which event each recent transaction id of a session became, known without a read once a session is in memory. */
export class SentTransactions {
  readonly #db: Db;
  readonly #sessions = new LRUCache<string, Promise<Session>>({
    max: limits.sentTransactionSessionsMax,
  });

  constructor(db: Db) {
    this.#db = db;
  }

  /** The event that this request has become already. */
  async find(userId: string, { deviceId, txnKey }: Transaction): Promise<string | undefined> {
    return (await this.#session(userId, deviceId)).get(txnKey);
  }

  async add(userId: string, { deviceId, txnKey }: Transaction, eventId: string): Promise<void> {
    const session = await this.#session(userId, deviceId);
    session.set(txnKey, eventId);
    if (session.size <= limits.sentTransactionsPerDeviceMax) return;
    for (const oldest of session.keys()) {
      session.delete(oldest);
      return;
    }
  }

  /** The event was lost before it was written. */
  async remove(userId: string, { deviceId, txnKey }: Transaction): Promise<void> {
    (await this.#session(userId, deviceId)).delete(txnKey);
  }

  #session(userId: string, deviceId: string): Promise<Session> {
    const key = `${userId} ${deviceId}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    const limit = limits.sentTransactionsPerDeviceMax;
    const session = readSentTransactions(this.#db, { userId, deviceId }, limit).then(
      (rows) => new Map(rows),
    );
    this.#sessions.set(key, session);
    session.catch(() => this.#sessions.delete(key));
    return session;
  }
}
