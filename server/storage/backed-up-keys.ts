import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { BackedUpKey, BackedUpKeyRange, KeyBackupName } from './key-backups.ts';

/** What a backup is after its keys were changed. */
export type ChangedBackup = {
  readonly keyCount: number;
  readonly changes: number;
  /** Of the keys in all backups of the user. */
  readonly userBytes: number;
};

/** Keys that came or, below zero, went. */
type Growth = { readonly keys: number; readonly bytes: number };

const noteChange = async (
  { sql }: Tx,
  { userId, version }: KeyBackupName,
  { keys, bytes }: Growth,
  isChanged: boolean,
): Promise<ChangedBackup> => {
  const row = await sql
    .updateTable('key_backups')
    .set({
      key_count: raw<number>`key_count + ${keys}`,
      key_bytes: raw<number>`key_bytes + ${bytes}`,
      changes: raw<number>`changes + ${isChanged ? 1 : 0}`,
    })
    .where('user_id', '=', userId)
    .where('version', '=', version)
    .returning([
      'key_count',
      'changes',
      raw<number>`(key_bytes + coalesce((
        SELECT sum(other.key_bytes) FROM key_backups AS other
        WHERE other.user_id = key_backups.user_id AND other.version <> key_backups.version
      ), 0))::bigint`.as('user_bytes'),
    ])
    .executeTakeFirstOrThrow();
  return { keyCount: row.key_count, changes: row.changes, userBytes: row.user_bytes };
};

/** Adds keys to a backup that is there and locked; of two for one session the better stays. */
// https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
export const writeBackedUpKeys = async (
  tx: Tx,
  backup: KeyBackupName,
  keys: readonly BackedUpKey[],
): Promise<ChangedBackup> => {
  // A row that was there has the number of its changer in xmax, a new one nothing.
  const { rows } = await raw<Growth & { written: number }>`
    WITH given AS (
      SELECT * FROM unnest(
        ${keys.map(({ roomId }) => roomId)}::text[],
        ${keys.map(({ sessionId }) => sessionId)}::text[],
        ${keys.map(({ firstMessageIndex }) => firstMessageIndex)}::bigint[],
        ${keys.map(({ forwardedCount }) => forwardedCount)}::bigint[],
        ${keys.map(({ isVerified }) => isVerified)}::boolean[],
        ${keys.map(({ sessionData }) => sessionData)}::text[]
      ) AS given
        (room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
    ), before AS (
      SELECT room_id, session_id,
        backed_up_bytes(room_id, session_id, stored.session_data) AS bytes
      FROM backed_up_keys AS stored JOIN given USING (room_id, session_id)
      WHERE user_id = ${backup.userId} AND version = ${backup.version}
    ), written AS (
      INSERT INTO backed_up_keys AS stored
        (user_id, version, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
      SELECT ${backup.userId}::text, ${backup.version}::bigint, * FROM given
      ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
        first_message_index = excluded.first_message_index,
        forwarded_count = excluded.forwarded_count,
        is_verified = excluded.is_verified,
        session_data = excluded.session_data
      WHERE (excluded.is_verified, stored.first_message_index, stored.forwarded_count)
          > (stored.is_verified, excluded.first_message_index, excluded.forwarded_count)
      RETURNING room_id, session_id, xmax = 0 AS is_new,
        backed_up_bytes(room_id, session_id, session_data) AS bytes
    )
    SELECT count(*) AS written, count(*) FILTER (WHERE is_new) AS keys,
      coalesce(sum(written.bytes - coalesce(before.bytes, 0)), 0) AS bytes
    FROM written LEFT JOIN before USING (room_id, session_id)`.execute(tx.sql);
  const { written = 0, ...growth } = rows[0] ?? { keys: 0, bytes: 0 };
  return noteChange(tx, backup, growth, written > 0);
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
  const { keys, bytes } = await tx.sql
    .with('deleted', (sql) => {
      let query = sql
        .deleteFrom('backed_up_keys')
        .where('user_id', '=', backup.userId)
        .where('version', '=', backup.version);
      if (roomId !== undefined) query = query.where('room_id', '=', roomId);
      if (sessionId !== undefined) query = query.where('session_id', '=', sessionId);
      return query.returning(
        raw<number>`backed_up_bytes(room_id, session_id, session_data)`.as('bytes'),
      );
    })
    .selectFrom('deleted')
    .select([raw<number>`count(*)`.as('keys'), raw<number>`coalesce(sum(bytes), 0)`.as('bytes')])
    .executeTakeFirstOrThrow();
  return noteChange(tx, backup, { keys: -keys, bytes: -bytes }, keys > 0);
};
