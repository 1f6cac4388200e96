import type { Db, Tx } from './database.ts';

/** Keeps a token that proves to third parties who a user is; forgets those that have expired. */
export const insertOpenIdToken = async (
  { sql }: Tx,
  token: { readonly hash: Buffer; readonly userId: string; readonly expiresAt: number },
  now: number,
): Promise<void> => {
  await sql.deleteFrom('openid_tokens').where('expires_at', '<', now).execute();
  await sql
    .insertInto('openid_tokens')
    .values({ token_hash: token.hash, user_id: token.userId, expires_at: token.expiresAt })
    .execute();
};

/** Whose token it is; undefined when it is unknown or has expired, or the account was closed. */
export const readOpenIdUser = async (
  { sql }: Db,
  hash: Buffer,
  now: number,
): Promise<string | undefined> => {
  const row = await sql
    .selectFrom('openid_tokens')
    .innerJoin('users', 'users.user_id', 'openid_tokens.user_id')
    .select('users.user_id')
    .where('token_hash', '=', hash)
    .where('expires_at', '>', now)
    .where('deactivated_at', 'is', null)
    .executeTakeFirst();
  return row?.user_id;
};
