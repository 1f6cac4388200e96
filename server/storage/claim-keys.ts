import { sql as raw } from 'kysely';
import type { Tx } from './database.ts';
import type { DeviceName } from './one-time-keys.ts';

/** One key of this algorithm is asked for. */
export type KeyClaim = DeviceName & { readonly algorithm: string };

export type ClaimedKey = KeyClaim & { readonly keyId: string; readonly key: string };

type Row = {
  readonly user_id: string;
  readonly device_id: string;
  readonly algorithm: string;
  readonly key_id: string;
  readonly key: string;
};

const toClaimed = (row: Row): ClaimedKey => ({
  userId: row.user_id,
  deviceId: row.device_id,
  algorithm: row.algorithm,
  keyId: row.key_id,
  key: row.key,
});

const asked = (claims: readonly KeyClaim[]) => raw`
  SELECT * FROM unnest(
    ${claims.map(({ userId }) => userId)}::text[],
    ${claims.map(({ deviceId }) => deviceId)}::text[],
    ${claims.map(({ algorithm }) => algorithm)}::text[]
  ) AS a (user_id, device_id, algorithm)`;

/** Takes the oldest one-time key of each claim; no other claim, at the same time or later, gets the same. */
export const claimOneTimeKeys = async (
  { sql }: Tx,
  claims: readonly KeyClaim[],
  now: number,
): Promise<readonly ClaimedKey[]> => {
  const { rows } = await raw<Row>`
    WITH asked AS (${asked(claims)}), picked AS (
      SELECT asked.*, waiting.key_id FROM asked CROSS JOIN LATERAL (
        SELECT key_id FROM one_time_keys k
        WHERE k.user_id = asked.user_id AND k.device_id = asked.device_id
          AND k.algorithm = asked.algorithm AND k.claimed_at IS NULL
        ORDER BY k.position LIMIT 1
        FOR UPDATE SKIP LOCKED
      ) AS waiting
    )
    UPDATE one_time_keys k SET claimed_at = ${now} FROM picked
    WHERE k.user_id = picked.user_id AND k.device_id = picked.device_id
      AND k.algorithm = picked.algorithm AND k.key_id = picked.key_id
    RETURNING k.user_id, k.device_id, k.algorithm, k.key_id, k.key`.execute(sql);
  return rows.map(toClaimed);
};

/** Gives the fallback keys of the claims and marks them as used; `isFirstUse` where they were not before. */
export const takeFallbackKeys = async (
  { sql }: Tx,
  claims: readonly KeyClaim[],
): Promise<readonly (ClaimedKey & { readonly isFirstUse: boolean })[]> => {
  // Rows are locked in one order, or two claims could wait for each other.
  const { rows } = await raw<Row & { readonly is_used: boolean }>`
    WITH asked AS (${asked(claims)}), found AS (
      SELECT f.* FROM fallback_keys f JOIN asked USING (user_id, device_id, algorithm)
      ORDER BY f.user_id, f.device_id, f.algorithm FOR UPDATE OF f
    ), marked AS (
      UPDATE fallback_keys f SET is_used = true FROM found
      WHERE NOT found.is_used AND f.user_id = found.user_id
        AND f.device_id = found.device_id AND f.algorithm = found.algorithm
    )
    SELECT * FROM found`.execute(sql);
  return rows.map((row) => ({ ...toClaimed(row), isFirstUse: !row.is_used }));
};
