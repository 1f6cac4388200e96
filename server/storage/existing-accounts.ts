import { sql as raw } from 'kysely';
import type { Db } from './database.ts';

/** Those of the users who have an account here, be it a closed one. */
export const readExistingAccounts = async (
  { sql }: Db,
  userIds: readonly string[],
): Promise<readonly string[]> => {
  const rows = await sql
    .selectFrom('users')
    .select('user_id')
    .where('user_id', '=', raw<string>`ANY(${userIds})`)
    .execute();
  return rows.map(({ user_id }) => user_id);
};

/** The user id of some account here; undefined before the first is made. */
export const readAnyAccount = async ({ sql }: Db): Promise<string | undefined> =>
  (await sql.selectFrom('users').select('user_id').limit(1).executeTakeFirst())?.user_id;

/** Whether the user has an account here that is not closed. */
export const isOpenAccount = async ({ sql }: Db, userId: string): Promise<boolean> => {
  const row = await sql
    .selectFrom('users')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('deactivated_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
};
