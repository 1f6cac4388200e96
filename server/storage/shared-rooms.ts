import { sql as raw } from 'kysely';
import type { Db } from './database.ts';

/** Other servers with a user joined to a room that this user is joined to. */
export const readSharingServers = async ({ sql }: Db, userId: string): Promise<string[]> => {
  const { rows } = await raw<{ server: string }>`
    SELECT DISTINCT substr(theirs.user_id, position(':' IN theirs.user_id) + 1) AS server
    FROM memberships ours JOIN memberships theirs ON theirs.room_nid = ours.room_nid
    WHERE ours.user_id = ${userId} AND ours.membership = 'join'
      AND theirs.membership = 'join' AND NOT theirs.is_local
    ORDER BY server`.execute(sql);
  return rows.map(({ server }) => server);
};

/** Users of this server joined to a room that this user, local or remote, is joined to. */
export const readSharingLocalUsers = async ({ sql }: Db, userId: string): Promise<string[]> => {
  const { rows } = await raw<{ user_id: string }>`
    SELECT DISTINCT ours.user_id
    FROM memberships theirs JOIN memberships ours ON ours.room_nid = theirs.room_nid
    WHERE theirs.user_id = ${userId} AND theirs.membership = 'join'
      AND ours.membership = 'join' AND ours.is_local`.execute(sql);
  return rows.map(({ user_id }) => user_id);
};

/** Which of these users are joined to a room with a user of that server. */
export const readUsersSharingWith = async (
  { sql }: Db,
  userIds: readonly string[],
  serverName: string,
): Promise<ReadonlySet<string>> => {
  const { rows } = await raw<{ user_id: string }>`
    SELECT u.user_id FROM unnest(${userIds}::text[]) AS u (user_id)
    WHERE EXISTS (
      SELECT FROM memberships ours JOIN memberships theirs ON theirs.room_nid = ours.room_nid
      WHERE ours.user_id = u.user_id AND ours.membership = 'join' AND theirs.membership = 'join'
        AND substr(theirs.user_id, position(':' IN theirs.user_id) + 1) = ${serverName}
    )`.execute(sql);
  return new Set(rows.map(({ user_id }) => user_id));
};

/** Rooms that two users are both joined to, by id, and how many there are in all. */
export const readMutualRooms = async (
  { sql }: Db,
  [one, other]: readonly [string, string],
  { after = '', limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<{ readonly roomIds: string[]; readonly count: number }> => {
  const { rows } = await raw<{ room_id: string; count: number }>`
    SELECT * FROM (
      SELECT r.room_id, count(*) OVER ()::int AS count
      FROM memberships ours JOIN memberships theirs ON theirs.room_nid = ours.room_nid
        JOIN rooms r ON r.room_nid = ours.room_nid
      WHERE ours.user_id = ${one} AND ours.membership = 'join'
        AND theirs.user_id = ${other} AND theirs.membership = 'join'
    ) mutual WHERE room_id > ${after} ORDER BY room_id LIMIT ${limit}`.execute(sql);
  return { roomIds: rows.map(({ room_id }) => room_id), count: rows[0]?.count ?? 0 };
};
