import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { BackedUpKey, BackedUpKeyRange, KeyBackupName } from './key-backups.ts';

/** What a backup is after its keys were changed. */
export type ChangedBackup = { readonly keyCount: number; readonly changes: number };

const noteChange = async (
  { sql }: Tx,
  { userId, version }: KeyBackupName,
  added: number,
  isChanged: boolean,
): Promise<ChangedBackup> => {
  const row = await sql
    .updateTable('key_backups')
    .set({
      key_count: raw<number>`key_count + ${added}`,
      changes: raw<number>`changes + ${isChanged ? 1 : 0}`,
    })
    .where('user_id', '=', userId)
    .where('version', '=', version)
    .returning(['key_count', 'changes'])
    .executeTakeFirstOrThrow();
  return { keyCount: row.key_count, changes: row.changes };
};

/** Adds keys to a backup that is there and locked; of two for one session the better stays. */
// https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
export const writeBackedUpKeys = async (
  tx: Tx,
  backup: KeyBackupName,
  keys: readonly BackedUpKey[],
): Promise<ChangedBackup> => {
  // A row that was there has the number of its changer in xmax, a new one nothing.
  const { rows } = await raw<{ written: number; added: number }>`
    WITH written AS (
      INSERT INTO backed_up_keys AS stored
        (user_id, version, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
      SELECT ${backup.userId}::text, ${backup.version}::bigint, * FROM unnest(
        ${keys.map(({ roomId }) => roomId)}::text[],
        ${keys.map(({ sessionId }) => sessionId)}::text[],
        ${keys.map(({ firstMessageIndex }) => firstMessageIndex)}::bigint[],
        ${keys.map(({ forwardedCount }) => forwardedCount)}::bigint[],
        ${keys.map(({ isVerified }) => isVerified)}::boolean[],
        ${keys.map(({ sessionData }) => sessionData)}::text[]
      )
      ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
        first_message_index = excluded.first_message_index,
        forwarded_count = excluded.forwarded_count,
        is_verified = excluded.is_verified,
        session_data = excluded.session_data
      WHERE (excluded.is_verified, stored.first_message_index, stored.forwarded_count)
          > (stored.is_verified, excluded.first_message_index, excluded.forwarded_count)
      RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) AS written, count(*) FILTER (WHERE is_new) AS added FROM written`.execute(
    tx.sql,
  );
  const { written = 0, added = 0 } = rows[0] ?? {};
  return noteChange(tx, backup, added, written > 0);
};

/** Keys of a backup in the order of rooms and sessions, from after a key on. */
export const readBackedUpKeys = async (
  { sql }: Db,
  { userId, version }: KeyBackupName,
  { roomId, sessionId }: BackedUpKeyRange,
  { after, keysMax }: { readonly after?: Required<BackedUpKeyRange>; readonly keysMax: number },
): Promise<readonly BackedUpKey[]> => {
  let query = sql
    .selectFrom('backed_up_keys')
    .selectAll()
    .where('user_id', '=', userId)
    .where('version', '=', version);
  if (roomId !== undefined) query = query.where('room_id', '=', roomId);
  if (sessionId !== undefined) query = query.where('session_id', '=', sessionId);
  if (after) {
    query = query.where(
      raw<boolean>`(room_id, session_id) > (${after.roomId}, ${after.sessionId})`,
    );
  }
  const rows = await query.orderBy('room_id').orderBy('session_id').limit(keysMax).execute();
  return rows.map((row) => ({
    roomId: row.room_id,
    sessionId: row.session_id,
    firstMessageIndex: row.first_message_index,
    forwardedCount: row.forwarded_count,
    isVerified: row.is_verified,
    sessionData: row.session_data,
  }));
};

/** Deletes keys of a backup that is there and locked. */
export const deleteBackedUpKeys = async (
  tx: Tx,
  backup: KeyBackupName,
  { roomId, sessionId }: BackedUpKeyRange,
): Promise<ChangedBackup> => {
  let query = tx.sql
    .deleteFrom('backed_up_keys')
    .where('user_id', '=', backup.userId)
    .where('version', '=', backup.version);
  if (roomId !== undefined) query = query.where('room_id', '=', roomId);
  if (sessionId !== undefined) query = query.where('session_id', '=', sessionId);
  const { numDeletedRows } = await query.executeTakeFirstOrThrow();
  const deleted = Number(numDeletedRows);
  return noteChange(tx, backup, -deleted, deleted > 0);
};
