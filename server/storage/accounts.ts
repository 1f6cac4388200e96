import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

export type Account = {
  readonly userId: string;
  readonly passwordHash: string | undefined;
  readonly isAdmin: boolean;
  readonly isLocked: boolean;
};

/** Deactivated accounts too: they have no password. */
export const readAccount = async ({ sql }: Db, userId: string): Promise<Account | undefined> => {
  const row = await sql
    .selectFrom('users')
    .select(['password_hash', 'is_admin', 'is_locked'])
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return (
    row && {
      userId,
      passwordHash: row.password_hash ?? undefined,
      isAdmin: row.is_admin,
      isLocked: row.is_locked,
    }
  );
};

/** False when the user id is taken, be it by a deactivated account. */
export const insertAccount = async (
  { sql }: Tx,
  userId: string,
  account: {
    readonly passwordHash: string | undefined;
    readonly isAdmin: boolean;
    readonly createdAt: number;
  },
): Promise<boolean> => {
  const { numInsertedOrUpdatedRows } = await sql
    .insertInto('users')
    .values({
      user_id: userId,
      password_hash: account.passwordHash ?? null,
      is_admin: account.isAdmin,
      created_at: account.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
};

export const writePasswordHash = async (
  { sql }: Tx,
  userId: string,
  passwordHash: string,
): Promise<void> => {
  await sql
    .updateTable('users')
    .set({ password_hash: passwordHash })
    .where('user_id', '=', userId)
    .where('deactivated_at', 'is', null)
    .execute();
};

/** Those of the users who closed their accounts and had their content erased. */
export const readErasedUsers = async (
  { sql }: Db,
  userIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  const rows = await sql
    .selectFrom('users')
    .select('user_id')
    .where('user_id', '=', raw<string>`any(${userIds}::text[])`)
    .where('is_erased', '=', true)
    .execute();
  return new Set(rows.map((row) => row.user_id));
};

/** Closes the account and forgets what only its user needed. The user id stays taken for good. */
export const deactivateAccountRows = async (
  { sql }: Tx,
  userId: string,
  isErased: boolean,
  now: number,
): Promise<void> => {
  await sql
    .updateTable('users')
    .set({ password_hash: null, is_admin: false, deactivated_at: now, is_erased: isErased })
    .where('user_id', '=', userId)
    .execute();
  for (const table of [
    'profile_fields',
    'account_data',
    'filters',
    'cross_signing_keys',
    'key_backups',
  ] as const) {
    await sql.deleteFrom(table).where('user_id', '=', userId).execute();
  }
  await sql.deleteFrom('key_signatures').where('user_id', '=', userId).execute();
};
