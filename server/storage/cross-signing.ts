import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

export type CrossSigningUsage = 'master' | 'self_signing' | 'user_signing';

export type CrossSigningRow = {
  readonly userId: string;
  readonly usage: CrossSigningUsage;
  /** Canonical JSON, with signatures of its owner only. */
  readonly keys: string;
};

/** Cross-signing keys of local users, and those held of remote ones. */
export const readCrossSigningRows = async (
  { sql }: Db,
  userIds: readonly string[],
): Promise<readonly CrossSigningRow[]> => {
  const rows = await sql
    .selectFrom('cross_signing_keys')
    .select(['user_id', 'usage', 'keys'])
    .where('user_id', '=', raw<string>`ANY(${userIds})`)
    .execute();
  return rows.map(({ user_id, usage, keys }) => ({
    userId: user_id,
    usage: usage as CrossSigningUsage,
    keys,
  }));
};

export const writeCrossSigningKey = async (
  { sql }: Tx,
  { userId, usage, keys }: CrossSigningRow,
): Promise<void> => {
  await sql
    .insertInto('cross_signing_keys')
    .values({ user_id: userId, usage, keys })
    .onConflict((conflict) => conflict.columns(['user_id', 'usage']).doUpdateSet({ keys }))
    .execute();
};

/** Holds the user's cross-signing keys for this transaction, also those that are not there yet. */
export const lockCrossSigningKeys = async ({ sql }: Tx, userId: string): Promise<void> => {
  await sql
    .selectFrom('users')
    .select('user_id')
    .where('user_id', '=', userId)
    .forNoKeyUpdate()
    .execute();
};
