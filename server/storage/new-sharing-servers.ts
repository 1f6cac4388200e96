import { sql as raw } from 'kysely';
import type { Db } from './database.ts';

/** Whether a room has other servers that share no other room with the user. */
export const hasNewSharingServers = async (
  { sql }: Db,
  userId: string,
  roomId: string,
): Promise<boolean> => {
  const { rows } = await raw`
    WITH theirs AS (
      SELECT room_nid, substr(user_id, position(':' IN user_id) + 1) AS server FROM memberships
      WHERE membership = 'join' AND NOT is_local AND room_nid IN (
        SELECT room_nid FROM memberships WHERE user_id = ${userId} AND membership = 'join'
      )
    ), entered AS (SELECT room_nid FROM rooms WHERE room_id = ${roomId})
    SELECT server FROM theirs JOIN entered USING (room_nid)
    EXCEPT
    SELECT server FROM theirs WHERE room_nid NOT IN (SELECT room_nid FROM entered)
    LIMIT 1`.execute(sql);
  return rows.length > 0;
};
