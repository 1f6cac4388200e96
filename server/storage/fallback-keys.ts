import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { DeviceName, UploadedKey } from './one-time-keys.ts';

/** Writes the fallback key of each algorithm; one that is there already keeps its mark of use. Says whether anything changed. */
export const writeFallbackKeys = async (
  { sql }: Tx,
  { userId, deviceId }: DeviceName,
  keys: readonly UploadedKey[],
): Promise<boolean> => {
  const { numAffectedRows } = await raw`
    INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, key)
    SELECT ${userId}::text, ${deviceId}::text, * FROM unnest(
      ${keys.map(({ algorithm }) => algorithm)}::text[],
      ${keys.map(({ keyId }) => keyId)}::text[],
      ${keys.map(({ key }) => key)}::text[]
    )
    ON CONFLICT (user_id, device_id, algorithm)
    DO UPDATE SET key_id = excluded.key_id, key = excluded.key, is_used = false
    WHERE (fallback_keys.key_id, fallback_keys.key) <> (excluded.key_id, excluded.key)`.execute(
    sql,
  );
  return numAffectedRows !== 0n;
};

/** Algorithms whose fallback key has not been given out yet. */
export const unusedFallbackTypes = async (
  { sql }: Db,
  userId: string,
  deviceId: string,
): Promise<string[]> => {
  const rows = await sql
    .selectFrom('fallback_keys')
    .select('algorithm')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .where('is_used', '=', false)
    .orderBy('algorithm')
    .execute();
  return rows.map(({ algorithm }) => algorithm);
};
