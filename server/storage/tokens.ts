import type { Db, Tx } from './database.ts';

export type StoredSession = {
  readonly userId: string;
  readonly deviceId: string;
  readonly expiresAt: number | undefined;
  readonly isAdmin: boolean;
  readonly isLocked: boolean;
  readonly isSuspended: boolean;
  readonly mustChangePassword: boolean;
  /** The refresh token that ends with the first use of this access token. */
  readonly replacedRefreshHash: Buffer | undefined;
};

/** The session of an access token; expired ones too, those of deactivated users not. */
export const readSession = async (
  { sql }: Db,
  tokenHash: Buffer,
): Promise<StoredSession | undefined> => {
  const row = await sql
    .selectFrom('access_tokens as t')
    .innerJoin('users as u', 'u.user_id', 't.user_id')
    .select(['t.user_id', 't.device_id', 't.expires_at', 't.replaces'])
    .select(['u.is_admin', 'u.is_locked', 'u.is_suspended', 'u.must_change_password'])
    .where('t.token_hash', '=', tokenHash)
    .where('u.deactivated_at', 'is', null)
    .executeTakeFirst();
  return (
    row && {
      userId: row.user_id,
      deviceId: row.device_id,
      expiresAt: row.expires_at ?? undefined,
      isAdmin: row.is_admin,
      isLocked: row.is_locked,
      isSuspended: row.is_suspended,
      mustChangePassword: row.must_change_password,
      replacedRefreshHash: row.replaces ?? undefined,
    }
  );
};

export type NewTokens = {
  readonly userId: string;
  readonly deviceId: string;
  readonly accessHash: Buffer;
  readonly expiresAt: number | undefined;
  readonly refreshHash: Buffer | undefined;
  /** The refresh token these were given for. */
  readonly replaces: Buffer | undefined;
};

export const insertTokens = async ({ sql }: Tx, tokens: NewTokens): Promise<void> => {
  const owner = { user_id: tokens.userId, device_id: tokens.deviceId };
  const replaces = tokens.replaces ?? null;
  await sql
    .insertInto('access_tokens')
    .values({
      ...owner,
      token_hash: tokens.accessHash,
      expires_at: tokens.expiresAt ?? null,
      replaces,
    })
    .execute();
  if (!tokens.refreshHash) return;
  await sql
    .insertInto('refresh_tokens')
    .values({ ...owner, token_hash: tokens.refreshHash, replaces })
    .execute();
};

export type RefreshToken = {
  readonly userId: string;
  readonly deviceId: string;
  readonly replaces: Buffer | undefined;
  readonly isRevoked: boolean;
  readonly isLocked: boolean;
};

/** Locks the token's row, so that two refreshes with one token go one after the other. */
export const takeRefreshToken = async (
  { sql }: Tx,
  tokenHash: Buffer,
): Promise<RefreshToken | undefined> => {
  const row = await sql
    .selectFrom('refresh_tokens as t')
    .innerJoin('users as u', 'u.user_id', 't.user_id')
    .select(['t.user_id', 't.device_id', 't.replaces', 't.revoked_at', 'u.is_locked'])
    .where('t.token_hash', '=', tokenHash)
    .where('u.deactivated_at', 'is', null)
    .forUpdate('t')
    .executeTakeFirst();
  return (
    row && {
      userId: row.user_id,
      deviceId: row.device_id,
      replaces: row.replaces ?? undefined,
      isRevoked: row.revoked_at !== null,
      isLocked: row.is_locked,
    }
  );
};

/** Ends a refresh token whose successors have arrived. */
export const revokeRefreshToken = async (
  { sql }: Tx,
  tokenHash: Buffer,
  now: number,
): Promise<void> => {
  const bySuccessor = { replaces: null };
  await sql
    .updateTable('refresh_tokens')
    .set({ revoked_at: now })
    .where('token_hash', '=', tokenHash)
    .execute();
  await sql
    .updateTable('access_tokens')
    .set(bySuccessor)
    .where('replaces', '=', tokenHash)
    .execute();
  await sql
    .updateTable('refresh_tokens')
    .set(bySuccessor)
    .where('replaces', '=', tokenHash)
    .execute();
};

/**
 * The first use of an access token that was given for a refresh token: that one ends. False when a second refresh
 * has taken the access token back meanwhile.
 */
export const confirmAccessToken = async (
  tx: Tx,
  accessHash: Buffer,
  refreshHash: Buffer,
  now: number,
): Promise<boolean> => {
  // Refreshes hold the refresh token's row first, too.
  await takeRefreshToken(tx, refreshHash);
  const found = await tx.sql
    .selectFrom('access_tokens')
    .select('replaces')
    .where('token_hash', '=', accessHash)
    .executeTakeFirst();
  if (found?.replaces) await revokeRefreshToken(tx, refreshHash, now);
  return found !== undefined;
};

/** Takes back tokens that were given for this one and never used, and clears what is long over. */
export const deleteUnusedSuccessors = async (
  { sql }: Tx,
  tokenHash: Buffer,
  { userId, deviceId }: RefreshToken,
  endedBefore: number,
): Promise<void> => {
  await sql.deleteFrom('access_tokens').where('replaces', '=', tokenHash).execute();
  await sql.deleteFrom('refresh_tokens').where('replaces', '=', tokenHash).execute();
  for (const [table, column] of [
    ['access_tokens', 'expires_at'],
    ['refresh_tokens', 'revoked_at'],
  ] as const) {
    await sql
      .deleteFrom(table)
      .where('user_id', '=', userId)
      .where('device_id', '=', deviceId)
      .where(column as never, '<', endedBefore as never)
      .execute();
  }
};

/** Ends every token of a device, or of all devices of a user but one. */
export const deleteTokens = async (
  { sql }: Tx,
  userId: string,
  which: { readonly deviceId?: string; readonly exceptDeviceId?: string } = {},
): Promise<void> => {
  for (const table of ['access_tokens', 'refresh_tokens'] as const) {
    let query = sql.deleteFrom(table).where('user_id', '=', userId);
    if (which.deviceId !== undefined) query = query.where('device_id', '=', which.deviceId);
    if (which.exceptDeviceId !== undefined) {
      query = query.where('device_id', '<>', which.exceptDeviceId);
    }
    await query.execute();
  }
};
