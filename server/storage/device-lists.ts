import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

/** Holds the user's device list for this transaction, so that its changes follow each other; answers with the number of the newest update, 0 for none. */
export const lockDeviceList = async ({ sql }: Tx, userId: string): Promise<number> => {
  await sql
    .insertInto('device_list_changes')
    .values({ user_id: userId, position: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await sql
    .selectFrom('device_list_changes')
    .select('stream_id')
    .where('user_id', '=', userId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.stream_id;
};

export const writeDeviceListChange = async (
  { sql }: Tx,
  userId: string,
  change: { readonly position?: StreamPosition; readonly streamId?: number },
): Promise<void> => {
  await sql
    .updateTable('device_list_changes')
    .set({
      ...(change.position !== undefined && { position: change.position }),
      ...(change.streamId !== undefined && { stream_id: change.streamId }),
    })
    .where('user_id', '=', userId)
    .execute();
};

/** The number of the newest update of the user's device list, 0 for none. */
export const readDeviceListStreamId = async ({ sql }: Db, userId: string): Promise<number> => {
  const row = await sql
    .selectFrom('device_list_changes')
    .select('stream_id')
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row?.stream_id ?? 0;
};

export type DeviceListChanges = {
  /** Those the user shares a room with, and the user. */
  readonly changed: readonly string[];
  /** Those the user may share no room with any more. */
  readonly left: readonly string[];
};

/**
 * What `device_lists` of /sync and /keys/changes say to a user: whose keys changed after `from` and until `to`,
 * who came into a room with the user since then, and who left the last one.
 */
// https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
export const deviceListChangesBetween = async (
  { sql }: Db,
  userId: string,
  from: StreamPosition,
  to: StreamPosition,
): Promise<DeviceListChanges> => {
  const { rows } = await raw<{ user_id: string; is_left: boolean }>`
    WITH own AS (
      SELECT room_nid, membership, since FROM memberships WHERE user_id = ${userId}
    ), joined AS (
      SELECT room_nid, since FROM own WHERE membership = 'join'
    ), moved AS (
      SELECT theirs.user_id, theirs.membership <> 'join' AS is_left
      FROM joined JOIN memberships theirs USING (room_nid)
      WHERE theirs.since > ${from} AND theirs.membership IN ('join', 'leave', 'ban')
      UNION
      SELECT theirs.user_id, own.membership <> 'join'
      FROM own JOIN memberships theirs USING (room_nid)
      WHERE own.since > ${from} AND own.membership IN ('join', 'leave', 'ban')
        AND theirs.membership = 'join'
      UNION
      SELECT user_id, false FROM device_list_changes
      WHERE position > ${from} AND position <= ${to}
    )
    SELECT user_id, is_left FROM moved
    WHERE user_id <> ${userId} AND is_left <> EXISTS (
      SELECT FROM memberships theirs JOIN joined USING (room_nid)
      WHERE theirs.user_id = moved.user_id AND theirs.membership = 'join'
    )
    UNION
    SELECT user_id, false FROM device_list_changes
    WHERE user_id = ${userId} AND position > ${from} AND position <= ${to}
    UNION
    SELECT user_id, false FROM key_signatures
    WHERE signer_user_id = ${userId} AND position > ${from} AND position <= ${to}`.execute(sql);
  const usersOf = (isLeft: boolean) =>
    rows.filter((row) => row.is_left === isLeft).map((row) => row.user_id);
  return { changed: usersOf(false), left: usersOf(true) };
};
