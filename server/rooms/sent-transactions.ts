import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import { type Database, transact } from '../storage/database.ts';
import {
  deleteSentTransactions,
  readSentTransaction,
  readSentTransactions,
} from '../storage/sent-transactions.ts';

/** The session and request that a transaction id belongs to. */
// https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
export type Transaction = {
  readonly deviceId: string;
  /** The operation and its path: a transaction id means the same only there. */
  readonly txnKey: string;
  readonly txnId: string;
};

/** Events by request, and back. */
type Session = {
  readonly events: Map<string, string>;
  readonly txnIds: Map<string, string>;
  /** Requests whose write failed, perhaps after it was done: the database knows. */
  readonly uncertain: Set<string>;
};

/** How a request is named in the database. */
export const storedTxnKey = ({ txnKey, txnId }: Transaction): string =>
  JSON.stringify([txnKey, txnId]);

const sessionOf = (rows: readonly (readonly [key: string, eventId: string])[]): Session => ({
  events: new Map(rows),
  txnIds: new Map(rows.map(([key, eventId]) => [eventId, (JSON.parse(key) as string[])[1] ?? ''])),
  uncertain: new Set(),
});

/** Which event each recent transaction id of a session became, known without a read once a session is in memory. */
export class SentTransactions {
  readonly #db: Database;
  #added = 0;
  readonly #sessions = new LRUCache<string, Promise<Session>>({
    max: limits.sentTransactionSessionsMax,
  });

  constructor(db: Database) {
    this.#db = db;
  }

  /** The event that this request has become already. */
  async find(userId: string, transaction: Transaction): Promise<string | undefined> {
    const { deviceId } = transaction;
    const { events, txnIds, uncertain } = await this.#session(userId, deviceId);
    const key = storedTxnKey(transaction);
    if (!uncertain.has(key)) return events.get(key);
    const stored = await readSentTransaction(this.#db, { userId, deviceId }, key);
    uncertain.delete(key);
    if (stored === undefined) return undefined;
    events.set(key, stored);
    txnIds.set(stored, transaction.txnId);
    return stored;
  }

  /** `sentAt` in milliseconds since the epoch. */
  async add(
    userId: string,
    transaction: Transaction,
    eventId: string,
    sentAt: number,
  ): Promise<void> {
    this.#pruneNowAndThen(sentAt);
    const { events, txnIds } = await this.#session(userId, transaction.deviceId);
    events.set(storedTxnKey(transaction), eventId);
    txnIds.set(eventId, transaction.txnId);
    if (events.size <= limits.sentTransactionsPerDeviceMax) return;
    for (const [key, oldest] of events) {
      events.delete(key);
      txnIds.delete(oldest);
      return;
    }
  }

  /** The event could not be written, or nobody knows whether it was. */
  async remove(userId: string, transaction: Transaction): Promise<void> {
    const { events, txnIds, uncertain } = await this.#session(userId, transaction.deviceId);
    const key = storedTxnKey(transaction);
    txnIds.delete(events.get(key) ?? '');
    events.delete(key);
    uncertain.add(key);
    const [oldest = key] = uncertain;
    if (uncertain.size > limits.sentTransactionsPerDeviceMax) uncertain.delete(oldest);
  }

  /** Tells the transaction id with which this session sent an event, for `unsigned.transaction_id`. */
  async txnIdsOf(session: {
    readonly userId: string;
    readonly deviceId?: string | undefined;
  }): Promise<(eventId: string) => string | undefined> {
    if (session.deviceId === undefined) return () => undefined;
    const { txnIds } = await this.#session(session.userId, session.deviceId);
    return (eventId) => txnIds.get(eventId);
  }

  /** Old rows go when new ones come: at the first after a start, and every so many. */
  #pruneNowAndThen(nowMs: number): void {
    this.#added += 1;
    if (this.#added % limits.sentTransactionsPerPruneMax !== 1) return;
    const sentBefore = nowMs - limits.sentTransactionAgeMsMax;
    // What fails now is pruned the next time.
    transact(this.#db, (tx) => deleteSentTransactions(tx, sentBefore)).catch(() => undefined);
  }

  #session(userId: string, deviceId: string): Promise<Session> {
    const key = `${userId} ${deviceId}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    const limit = limits.sentTransactionsPerDeviceMax;
    const session = readSentTransactions(this.#db, { userId, deviceId }, limit).then(sessionOf);
    this.#sessions.set(key, session);
    session.catch(() => this.#sessions.delete(key));
    return session;
  }
}
