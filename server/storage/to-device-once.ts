import { sql as raw } from 'kysely';
import type { Tx } from './database.ts';
import type { DeviceName } from './one-time-keys.ts';

/** Remembers a client's transaction; false when it was there already. A transaction of the same id under way is waited for. */
export const rememberSentToDevice = async (
  { sql }: Tx,
  { userId, deviceId }: DeviceName,
  txnKey: string,
  now: number,
): Promise<boolean> => {
  const { numInsertedOrUpdatedRows } = await sql
    .insertInto('sent_transactions')
    // No event came of it.
    .values({ user_id: userId, device_id: deviceId, txn_key: txnKey, event_id: '', sent_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
};

/** Remembers a message id of another server; false when it was there already. Forgets a few old ones on the way. */
export const rememberReceivedToDevice = async (
  { sql }: Tx,
  origin: string,
  messageId: string,
  now: number,
  keptMs: number,
): Promise<boolean> => {
  await raw`
    DELETE FROM received_to_device WHERE ctid IN (
      SELECT ctid FROM received_to_device WHERE received_at < ${now - keptMs}
      LIMIT 100 FOR UPDATE SKIP LOCKED
    )`.execute(sql);
  const { numInsertedOrUpdatedRows } = await sql
    .insertInto('received_to_device')
    .values({ origin, message_id: messageId, received_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
};
