import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

export type DeviceName = { readonly userId: string; readonly deviceId: string };

export type UploadedKey = {
  readonly algorithm: string;
  readonly keyId: string;
  /** Canonical JSON. */
  readonly key: string;
};

/** Stores new one-time keys; those whose id is there already stay. Answers with the ids that had another key before. */
export const insertOneTimeKeys = async (
  { sql }: Tx,
  { userId, deviceId }: DeviceName,
  keys: readonly UploadedKey[],
  position: StreamPosition,
): Promise<readonly string[]> => {
  const { rows } = await raw<{ algorithm: string; key_id: string }>`
    WITH uploaded AS (
      SELECT * FROM unnest(
        ${keys.map(({ algorithm }) => algorithm)}::text[],
        ${keys.map(({ keyId }) => keyId)}::text[],
        ${keys.map(({ key }) => key)}::text[]
      ) AS u (algorithm, key_id, key)
    ), inserted AS (
      INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, key, position)
      SELECT ${userId}::text, ${deviceId}::text, algorithm, key_id, key, ${position}::bigint FROM uploaded
      ON CONFLICT DO NOTHING
    )
    SELECT algorithm, key_id FROM uploaded JOIN one_time_keys stored USING (algorithm, key_id)
    WHERE user_id = ${userId} AND device_id = ${deviceId} AND stored.key <> uploaded.key`.execute(
    sql,
  );
  return rows.map((row) => `${row.algorithm}:${row.key_id}`);
};

/** Forgets keys of the device that were claimed before `claimedBefore`, in milliseconds since the epoch. */
export const deleteClaimedKeys = async (
  { sql }: Tx,
  { userId, deviceId }: DeviceName,
  claimedBefore: number,
): Promise<void> => {
  await sql
    .deleteFrom('one_time_keys')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .where('claimed_at', '<', claimedBefore)
    .execute();
};

/** For each algorithm the one-time keys of the device that can still be claimed. */
export const oneTimeKeyCounts = async (
  { sql }: Db,
  userId: string,
  deviceId: string,
): Promise<Readonly<Record<string, number>>> => {
  const rows = await sql
    .selectFrom('one_time_keys')
    .select(['algorithm', raw<number>`count(*)`.as('count')])
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .where('claimed_at', 'is', null)
    .groupBy('algorithm')
    .execute();
  return Object.fromEntries(rows.map(({ algorithm, count }) => [algorithm, count]));
};
