import { sql as raw } from 'kysely';
import type { CrossSigningUsage } from './cross-signing.ts';
import type { Db, Tx } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

export type RemoteDeviceList = {
  readonly devices: readonly {
    readonly deviceId: string;
    readonly displayName: string | undefined;
    readonly keys: string;
  }[];
  readonly crossSigning: readonly { readonly usage: CrossSigningUsage; readonly keys: string }[];
  /** Number of the update it includes, where its server told. */
  readonly streamId: number | undefined;
  /** Stream position before it was asked for. */
  readonly heldSince: StreamPosition;
};

export type RemoteListStates = {
  /** Joined to a room with a local user. */
  readonly tracked: ReadonlySet<string>;
  /** What is stored of them holds. */
  readonly held: ReadonlySet<string>;
};

/**
 * A stored list holds when no update was missed: it is not stale, and some room has been shared since before it was
 * asked for, because only to those who share a room are updates sent.
 */
// https://spec.matrix.org/v1.19/server-server-api/#device-management
export const readRemoteListStates = async (
  { sql }: Db,
  userIds: readonly string[],
): Promise<RemoteListStates> => {
  const { rows } = await raw<{ user_id: string; is_held: boolean | null }>`
    WITH theirs AS (
      SELECT user_id, room_nid, since FROM memberships
      WHERE user_id = ANY(${userIds}) AND membership = 'join'
    ), ours AS (
      SELECT room_nid, min(since) AS since FROM memberships
      WHERE room_nid IN (SELECT room_nid FROM theirs) AND is_local AND membership = 'join'
      GROUP BY room_nid
    )
    SELECT theirs.user_id, bool_or(
      NOT list.is_stale AND theirs.since <= list.held_since AND ours.since <= list.held_since
    ) AS is_held
    FROM theirs JOIN ours USING (room_nid)
    LEFT JOIN remote_device_lists list ON list.user_id = theirs.user_id
    GROUP BY theirs.user_id`.execute(sql);
  return {
    tracked: new Set(rows.map((row) => row.user_id)),
    held: new Set(rows.filter((row) => row.is_held).map((row) => row.user_id)),
  };
};

/** Users with stored lists that are stale. */
export const readStaleRemoteUsers = async ({ sql }: Db, limit: number): Promise<string[]> => {
  const rows = await sql
    .selectFrom('remote_device_lists')
    .select('user_id')
    .where('is_stale', '=', true)
    .limit(limit)
    .execute();
  return rows.map(({ user_id }) => user_id);
};

/** Replaces what is stored of a remote user, unless something newer is; stale at once when an update came in meanwhile. */
export const writeRemoteDeviceList = async (
  { sql }: Tx,
  userId: string,
  list: RemoteDeviceList,
): Promise<void> => {
  const { rows } = await raw`
    INSERT INTO remote_device_lists AS list (user_id, stream_id, is_stale, held_since)
    VALUES (${userId}, ${list.streamId ?? null}, false, ${list.heldSince})
    ON CONFLICT (user_id) DO UPDATE SET stream_id = excluded.stream_id, is_stale = false,
      held_since = excluded.held_since
    WHERE list.is_stale OR list.held_since < excluded.held_since
    RETURNING user_id`.execute(sql);
  if (rows.length === 0) return;
  await raw`
    UPDATE remote_device_lists SET is_stale = true
    WHERE user_id = ${userId} AND EXISTS (
      SELECT FROM device_list_changes WHERE user_id = ${userId} AND position > ${list.heldSince}
    )`.execute(sql);
  await sql.deleteFrom('remote_devices').where('user_id', '=', userId).execute();
  await sql.deleteFrom('cross_signing_keys').where('user_id', '=', userId).execute();
  await raw`
    INSERT INTO remote_devices (user_id, device_id, display_name, keys)
    SELECT ${userId}::text, * FROM unnest(
      ${list.devices.map(({ deviceId }) => deviceId)}::text[],
      ${list.devices.map(({ displayName }) => displayName ?? null)}::text[],
      ${list.devices.map(({ keys }) => keys)}::text[]
    )`.execute(sql);
  await raw`
    INSERT INTO cross_signing_keys (user_id, usage, keys)
    SELECT ${userId}::text, * FROM unnest(
      ${list.crossSigning.map(({ usage }) => usage)}::text[],
      ${list.crossSigning.map(({ keys }) => keys)}::text[]
    )`.execute(sql);
};
