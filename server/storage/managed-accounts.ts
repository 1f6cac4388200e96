import type { Db, Tx } from './database.ts';

export type ManagedAccount = {
  readonly userId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly isAdmin: boolean;
  readonly isLocked: boolean;
  readonly isDeactivated: boolean;
  readonly mustChangePassword: boolean;
};

/** The accounts of this server in the order of their ids, after `after`. */
export const readAccountPage = async (
  { sql }: Db,
  after: string,
  limit: number,
): Promise<readonly ManagedAccount[]> => {
  const rows = await sql
    .selectFrom('users')
    .select(['user_id', 'created_at', 'is_admin', 'is_locked', 'must_change_password'])
    .select('deactivated_at')
    .where('user_id', '>', after)
    .orderBy('user_id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    userId: row.user_id,
    createdAt: row.created_at,
    isAdmin: row.is_admin,
    isLocked: row.is_locked,
    isDeactivated: row.deactivated_at !== null,
    mustChangePassword: row.must_change_password,
  }));
};

/** Whether the password was given by somebody else and has to be replaced by the user. */
export const writeMustChangePassword = async (
  tx: Tx,
  userId: string,
  mustChange: boolean,
): Promise<void> => {
  const { numUpdatedRows } = await tx.sql
    .updateTable('users')
    .set({ must_change_password: mustChange })
    .where('user_id', '=', userId)
    .where('must_change_password', '!=', mustChange)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) tx.tell({ kind: 'accountChanged', userId, wakes: [] });
};
