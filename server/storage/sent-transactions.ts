import type { Db, Tx } from './database.ts';

/** The newest transaction ids of a session with their events, oldest first. */
export const readSentTransactions = async (
  db: Db,
  session: { readonly userId: string; readonly deviceId: string },
  limit: number,
): Promise<readonly (readonly [txnKey: string, eventId: string])[]> => {
  const rows = await db.sql
    .selectFrom('sent_transactions')
    .select(['txn_key', 'event_id'])
    .where('user_id', '=', session.userId)
    .where('device_id', '=', session.deviceId)
    .where('event_id', '<>', '')
    .orderBy('sent_at', 'desc')
    .limit(limit)
    .execute();
  return rows.reverse().map((row) => [row.txn_key, row.event_id]);
};

/** The event that one request of a session became; undefined when it became none. */
export const readSentTransaction = async (
  db: Db,
  session: { readonly userId: string; readonly deviceId: string },
  txnKey: string,
): Promise<string | undefined> => {
  const row = await db.sql
    .selectFrom('sent_transactions')
    .select('event_id')
    .where('user_id', '=', session.userId)
    .where('device_id', '=', session.deviceId)
    .where('txn_key', '=', txnKey)
    .executeTakeFirst();
  return row?.event_id;
};

/** Forgets transaction ids of before `sentBefore`, in milliseconds since the epoch. */
export const deleteSentTransactions = async (tx: Tx, sentBefore: number): Promise<void> => {
  await tx.sql.deleteFrom('sent_transactions').where('sent_at', '<', sentBefore).execute();
};
