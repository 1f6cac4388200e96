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

/** Whose token it is; undefined when it is unknown or has expired. */
export const readOpenIdUser = async (
  { sql }: Db,
  hash: Buffer,
  now: number,
): Promise<string | undefined> => {
  const row = await sql
    .selectFrom('openid_tokens')
    .select('user_id')
    .where('token_hash', '=', hash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row?.user_id;
};
