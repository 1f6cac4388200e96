import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

/** Which backup of whom. */
export type KeyBackupName = { readonly userId: string; readonly version: number };

export type KeyBackup = KeyBackupName & {
  readonly algorithm: string;
  /** JSON object. */
  readonly authData: string;
  readonly keyCount: number;
  /** How often its keys were changed. */
  readonly changes: number;
};

/** Stands for every key of a backup, for those of a room, or for one. */
export type BackedUpKeyRange = { readonly roomId?: string; readonly sessionId?: string };

export type BackedUpKey = Required<BackedUpKeyRange> & {
  readonly firstMessageIndex: number;
  readonly forwardedCount: number;
  readonly isVerified: boolean;
  /** JSON object. */
  readonly sessionData: string;
};

/** One backup of a user or, without a version, the newest. */
export const readKeyBackup = async (
  { sql }: Db,
  userId: string,
  version?: number,
): Promise<KeyBackup | undefined> => {
  let query = sql.selectFrom('key_backups').selectAll().where('user_id', '=', userId);
  if (version !== undefined) query = query.where('version', '=', version);
  const row = await query.orderBy('version', 'desc').limit(1).executeTakeFirst();
  return (
    row && {
      userId,
      version: row.version,
      algorithm: row.algorithm,
      authData: row.auth_data,
      keyCount: row.key_count,
      changes: row.changes,
    }
  );
};

/** Until the end of the transaction nobody else writes to a backup of the user. */
export const lockKeyBackups = async ({ sql }: Tx, userId: string): Promise<void> => {
  await raw`SELECT FROM users WHERE user_id = ${userId} FOR NO KEY UPDATE`.execute(sql);
};

export const countKeyBackups = async ({ sql }: Db, userId: string): Promise<number> => {
  const { count } = await sql
    .selectFrom('key_backups')
    .select(raw<number>`count(*)`.as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
  return count;
};

/** Begins a backup and gives its version; undefined when the account is closed. */
export const insertKeyBackup = async (
  { sql }: Tx,
  userId: string,
  { algorithm, authData }: Pick<KeyBackup, 'algorithm' | 'authData'>,
): Promise<number | undefined> => {
  const user = await sql
    .updateTable('users')
    .set({ last_key_backup: raw<number>`last_key_backup + 1` })
    .where('user_id', '=', userId)
    .where('deactivated_at', 'is', null)
    .returning('last_key_backup')
    .executeTakeFirst();
  if (!user) return undefined;
  const version = user.last_key_backup;
  await sql
    .insertInto('key_backups')
    .values({ user_id: userId, version, algorithm, auth_data: authData })
    .execute();
  return version;
};

export const writeKeyBackupAuthData = async (
  { sql }: Tx,
  { userId, version }: KeyBackupName,
  authData: string,
): Promise<void> => {
  await sql
    .updateTable('key_backups')
    .set({ auth_data: authData })
    .where('user_id', '=', userId)
    .where('version', '=', version)
    .execute();
};

/** Deletes a backup with its keys. False for a version that was never given. */
export const deleteKeyBackup = async (
  { sql }: Tx,
  { userId, version }: KeyBackupName,
): Promise<boolean> => {
  await sql
    .deleteFrom('key_backups')
    .where('user_id', '=', userId)
    .where('version', '=', version)
    .execute();
  const user = await sql
    .selectFrom('users')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('last_key_backup', '>=', version)
    .executeTakeFirst();
  return user !== undefined;
};
