import type { JsonObject } from '@candor/federation';
import { sql } from 'kysely';
import type { Db, Tx } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** Of other servers' making, checked when it came. */
export type StrippedEvent = {
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
  readonly content: JsonObject;
};

const readStripped = (text: string | null, row: string): readonly StrippedEvent[] =>
  text === null
    ? []
    : ((readJson(text, { table: 'memberships', row }) ?? []) as readonly StrippedEvent[]);

export type Membership = {
  readonly membership: string;
  readonly eventId: string;
  readonly sender: string;
  /** Stream position of the change. */
  readonly position: number;
  readonly isForgotten: boolean;
  /** Stripped state events that came with an invite or a knock. */
  readonly strippedState: readonly StrippedEvent[];
  /** The server that took a knock on a room that this server was not in. */
  readonly knockedThrough: string | null;
};

const columns = [
  'membership',
  'event_id',
  'sender',
  'position',
  'is_forgotten',
  'stripped_state',
  'knocked_through',
] as const;

type Row = {
  readonly membership: string;
  readonly event_id: string;
  readonly sender: string;
  readonly position: number;
  readonly is_forgotten: boolean;
  readonly stripped_state: string | null;
  readonly knocked_through: string | null;
};

const membershipOf = (row: Row): Membership => ({
  membership: row.membership,
  eventId: row.event_id,
  sender: row.sender,
  position: row.position,
  isForgotten: row.is_forgotten,
  strippedState: readStripped(row.stripped_state, row.event_id),
  knockedThrough: row.knocked_through,
});

/** What a user is in a room; undefined when nothing was ever said. */
export const readMembership = async (
  db: Db,
  roomNid: number,
  userId: string,
): Promise<Membership | undefined> => {
  const row = await db.sql
    .selectFrom('memberships')
    .select(columns)
    .where('room_nid', '=', roomNid)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row && membershipOf(row);
};

/** What an invite or a knock showed of each room. */
export const readStrippedStates = async (
  db: Db,
  wanted: readonly { readonly roomNid: number; readonly userId: string }[],
): Promise<readonly (readonly StrippedEvent[])[]> => {
  const { rows } = await sql<{ index: number; event_id: string; stripped_state: string | null }>`
    SELECT w.index::int AS index, m.event_id, m.stripped_state
    FROM unnest(
      ${wanted.map(({ roomNid }) => roomNid)}::int[], ${wanted.map(({ userId }) => userId)}::text[]
    ) WITH ORDINALITY AS w (room_nid, user_id, index)
    JOIN memberships m ON m.room_nid = w.room_nid AND m.user_id = w.user_id`.execute(db.sql);
  const found: (readonly StrippedEvent[])[] = wanted.map(() => []);
  for (const row of rows) found[row.index - 1] = readStripped(row.stripped_state, row.event_id);
  return found;
};

/** The users joined to rooms, by room. */
export const readJoinedUsers = async (
  db: Db,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, readonly string[]>> => {
  const rows = await db.sql
    .selectFrom('memberships')
    .select(['room_nid', 'user_id'])
    .where('room_nid', '=', sql<number>`any(${roomNids}::int[])`)
    .where('membership', '=', 'join')
    .execute();
  const joined = new Map<number, string[]>();
  for (const { room_nid: roomNid, user_id: userId } of rows) {
    const users = joined.get(roomNid);
    if (users) users.push(userId);
    else joined.set(roomNid, [userId]);
  }
  return joined;
};

/** The rooms of a user with what they are there; forgotten ones only when asked for. */
export const readRoomsOfUser = async (
  db: Db,
  userId: string,
  memberships: readonly string[],
): Promise<readonly (Membership & { readonly roomId: string; readonly roomNid: number })[]> => {
  const rows = await db.sql
    .selectFrom('memberships')
    .innerJoin('rooms', 'rooms.room_nid', 'memberships.room_nid')
    .select(['rooms.room_id', 'rooms.room_nid', ...columns])
    .where('user_id', '=', userId)
    .where('membership', 'in', memberships)
    .where('is_forgotten', '=', false)
    .execute();
  return rows.map((row) => ({
    ...membershipOf(row),
    roomId: row.room_id,
    roomNid: row.room_nid,
  }));
};

/** Users of ours whose accounts are closed and who are in rooms all the same. */
export const readClosedInRooms = async ({ sql: query }: Db): Promise<readonly string[]> => {
  const rows = await query
    .selectFrom('users')
    .innerJoin('memberships', 'memberships.user_id', 'users.user_id')
    .select('users.user_id')
    .distinct()
    .where('users.deactivated_at', 'is not', null)
    .where('memberships.membership', 'in', ['join', 'invite', 'knock'])
    .execute();
  return rows.map((row) => row.user_id);
};

/** Marks a left room as forgotten by the user; false when the user has not left it. */
export const forgetMembership = async (
  tx: Tx,
  roomNid: number,
  userId: string,
): Promise<boolean> => {
  const { numUpdatedRows } = await tx.sql
    .updateTable('memberships')
    .set({ is_forgotten: true })
    .where('room_nid', '=', roomNid)
    .where('user_id', '=', userId)
    .where('membership', 'in', ['leave', 'ban'])
    .executeTakeFirst();
  return numUpdatedRows > 0n;
};

/** Users of a server that the room's state has, or had, something to say about. */
export const readMembersOfServer = async (
  db: Db,
  roomNid: number,
  serverName: string,
): Promise<readonly string[]> => {
  const rows = await db.sql
    .selectFrom('memberships')
    .select('user_id')
    .where('room_nid', '=', roomNid)
    .where(sql<boolean>`substr(user_id, position(':' in user_id) + 1) = ${serverName}`)
    .execute();
  return rows.map((row) => row.user_id);
};
