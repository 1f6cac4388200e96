import { sql } from 'kysely';
import type { Db } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

/** What a user is in a room, without what an invite showed of it. */
export type RoomOfUser = {
  readonly roomId: string;
  readonly roomNid: number;
  readonly membership: string;
  readonly eventId: string;
  readonly sender: string;
  /** Of the last change, of the profile in the room too. */
  readonly position: StreamPosition;
  /** Of the change to this membership. */
  readonly since: StreamPosition;
  readonly isForgotten: boolean;
};

/** All rooms that a user has or had to do with, or those of them that are named. */
export const readMembershipsOfUser = async (
  db: Db,
  userId: string,
  roomIds?: readonly string[],
): Promise<readonly RoomOfUser[]> => {
  let query = db.sql
    .selectFrom('memberships as m')
    .innerJoin('rooms as r', 'r.room_nid', 'm.room_nid')
    .select([
      'r.room_id',
      'r.room_nid',
      'm.membership',
      'm.event_id',
      'm.sender',
      'm.position',
      'm.since',
      'm.is_forgotten',
    ])
    .where('m.user_id', '=', userId);
  if (roomIds) query = query.where('r.room_id', '=', sql<string>`any(${roomIds}::text[])`);
  const rows = await query.execute();
  return rows.map((row) => ({
    roomId: row.room_id,
    roomNid: row.room_nid,
    membership: row.membership,
    eventId: row.event_id,
    sender: row.sender,
    position: row.position,
    since: row.since,
    isForgotten: row.is_forgotten,
  }));
};

/** Those of the rooms that have events, or receipts, after a stream position. */
export const readRoomsWithNews = async (
  db: Db,
  roomNids: readonly number[],
  after: StreamPosition,
): Promise<ReadonlySet<number>> => {
  const { rows } = await sql<{ room_nid: number }>`
    SELECT r.room_nid FROM unnest(${roomNids}::int[]) AS r (room_nid)
    WHERE EXISTS (
      SELECT FROM events e
      WHERE e.room_nid = r.room_nid AND e.position > ${after} AND e.position IS NOT NULL
    ) OR EXISTS (
      SELECT FROM receipts c WHERE c.room_nid = r.room_nid AND c.position > ${after}
    )`.execute(db.sql);
  return new Set(rows.map((row) => row.room_nid));
};

/** How many are in a room, and who stands for it where it has no name. */
export type RoomCounts = {
  readonly joined: number;
  readonly invited: number;
  /** Six users, the first to come first: members, or those that were members where there are none. */
  readonly heroes: readonly string[];
};

/** Counts and heroes of rooms by their integers. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync_response-200_roomsummary
export const readRoomCounts = async (
  db: Db,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, RoomCounts>> => {
  const { rows } = await sql<{
    room_nid: number;
    joined: number;
    invited: number;
    heroes: string[] | null;
  }>`
    SELECT r.room_nid, counts.joined, counts.invited, heroes.user_ids AS heroes
    FROM unnest(${roomNids}::int[]) AS r (room_nid)
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE membership = 'join') AS joined,
        count(*) FILTER (WHERE membership = 'invite') AS invited
      FROM memberships m WHERE m.room_nid = r.room_nid
    ) counts
    CROSS JOIN LATERAL (
      SELECT array_agg(h.user_id ORDER BY h.is_gone, h.position) AS user_ids FROM (
        SELECT user_id, position, membership NOT IN ('join', 'invite') AS is_gone
        FROM memberships m
        WHERE m.room_nid = r.room_nid AND membership <> 'knock'
        ORDER BY is_gone, position LIMIT 6
      ) h
    ) heroes`.execute(db.sql);
  return new Map(
    rows.map(({ room_nid, joined, invited, heroes }) => [
      room_nid,
      { joined, invited, heroes: heroes ?? [] },
    ]),
  );
};
