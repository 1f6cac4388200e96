import type { Db } from './database.ts';

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
  return row?.answer;
};

export const writeReceivedTransaction = async (
  { sql }: Db,
  transaction: { readonly origin: string; readonly txnId: string; readonly answer: string },
  receivedAt: number,
): Promise<void> => {
  const { origin, txnId, answer } = transaction;
  await sql
    .insertInto('received_transactions')
    .values({ origin, txn_id: txnId, answer, received_at: receivedAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
};

/** Forgets transactions that came before a time; nobody sends them again. */
export const deleteReceivedTransactions = async ({ sql }: Db, before: number): Promise<void> => {
  await sql.deleteFrom('received_transactions').where('received_at', '<', before).execute();
};
