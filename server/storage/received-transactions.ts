import { sql as raw } from 'kysely';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** What was answered to a transaction of another server before; undefined when it is new. */
export const readReceivedTransaction = async (
  { sql }: Db,
  origin: string,
  txnId: string,
): Promise<string | undefined> => {
  const row = await sql
    .selectFrom('received_transactions')
    .select('answer')
    .where('origin', '=', origin)
    .where('txn_id', '=', txnId)
    .executeTakeFirst();
  const name = { table: 'received_transactions', row: `${origin} ${txnId}` } as const;
  return row && readJson(row.answer, name) !== undefined ? row.answer : undefined;
};

/** Keeps the answer, and forgets those from before `forgetBefore`: nobody sends them again. */
export const writeReceivedTransaction = async (
  { sql }: Db,
  transaction: { readonly origin: string; readonly txnId: string; readonly answer: string },
  receivedAt: number,
  forgetBefore: number,
): Promise<void> => {
  const { origin, txnId, answer } = transaction;
  await raw`
    WITH forgotten AS (DELETE FROM received_transactions WHERE received_at < ${forgetBefore})
    INSERT INTO received_transactions (origin, txn_id, answer, received_at)
    VALUES (${origin}, ${txnId}, ${answer}, ${receivedAt}) ON CONFLICT DO NOTHING`.execute(sql);
};
