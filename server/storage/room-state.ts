import { limits } from '@candor/spec';
import { sql } from 'kysely';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';
import type { StreamPosition } from './stream-clock.ts';

export type StateEntry = {
  readonly keyNid: number;
  readonly eventNid: number;
  readonly eventId: string;
};

/** An entry of a room's current state. */
export type CurrentEntry = StateEntry & {
  /** The stream position at which it became this event, which may be older. */
  readonly since: StreamPosition;
};

export type RoomHead = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly version: string;
  readonly extremities: readonly string[];
  readonly snapshotNid: number | null;
  /** Positions of the newest gaps in the timeline, ascending. */
  readonly gaps: readonly number[];
};

const newestGaps = sql<(string | number)[]>`ARRAY(
  SELECT position FROM timeline_gaps g WHERE g.room_nid = rooms.room_nid
  ORDER BY position DESC LIMIT ${limits.timelineGapsPerRoomMax})`;

/** What the `rooms` rows say; rooms that this server has never heard of are left out, and those that cannot be read. */
export const readRoomHeads = async (
  db: Db,
  roomIds: readonly string[],
): Promise<readonly RoomHead[]> => {
  const rows = await db.sql
    .selectFrom('rooms')
    .selectAll()
    .select(newestGaps.as('gaps'))
    .where('room_id', '=', sql<string>`any(${roomIds}::text[])`)
    .execute();
  return rows.flatMap(({ room_nid: roomNid, room_id: roomId, version, ...row }) => {
    const extremities = readJson(row.extremities, { table: 'rooms', row: roomId });
    if (extremities === undefined) return [];
    const snapshotNid = row.snapshot_nid;
    const gaps = row.gaps.map(Number).sort((one, other) => one - other);
    return [{ roomNid, roomId, version, extremities: extremities as string[], snapshotNid, gaps }];
  });
};

/** How many entries the current state of each room has. */
export const readStateSizes = async (
  db: Db,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, number>> => {
  const rows = await db.sql
    .selectFrom('current_state')
    .select(({ fn }) => ['room_nid', fn.countAll<number>().as('size')])
    .where('room_nid', '=', sql<number>`any(${roomNids}::int[])`)
    .groupBy('room_nid')
    .execute();
  return new Map(rows.map((row) => [row.room_nid, row.size]));
};

/** The current states of rooms with their keys. */
export const readCurrentStates = async (
  db: Db,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, Map<string, CurrentEntry>>> => {
  const rows = await db.sql
    .selectFrom('current_state as c')
    .innerJoin('state_keys as k', 'k.key_nid', 'c.key_nid')
    .innerJoin('events as e', 'e.event_nid', 'c.event_nid')
    .select(['c.room_nid', 'k.key', 'c.key_nid', 'c.event_nid', 'c.position', 'e.event_id'])
    .where('c.room_nid', '=', sql<number>`any(${roomNids}::int[])`)
    .execute();
  const states = new Map<number, Map<string, CurrentEntry>>();
  for (const row of rows) {
    const state = states.get(row.room_nid) ?? new Map<string, CurrentEntry>();
    states.set(row.room_nid, state);
    const { key_nid: keyNid, event_nid: eventNid, event_id: eventId } = row;
    state.set(row.key, { keyNid, eventNid, eventId, since: row.position ?? eventNid });
  }
  return states;
};

/** The keys and event ids behind a state set of integers. */
export const nameState = async (
  db: Db,
  entries: ReadonlyMap<number, number>,
): Promise<readonly (readonly [key: string, entry: StateEntry])[]> => {
  const keyNids = [...entries.keys()];
  const eventNids = [...entries.values()];
  const { rows } = await sql<{ key: string; key_nid: number; event_nid: number; event_id: string }>`
    SELECT k.key, s.key_nid, s.event_nid, e.event_id
    FROM unnest(${keyNids}::int[], ${eventNids}::bigint[]) AS s (key_nid, event_nid)
    JOIN state_keys k ON k.key_nid = s.key_nid
    JOIN events e ON e.event_nid = s.event_nid`.execute(db.sql);
  return rows.map((row) => [
    row.key,
    { keyNid: row.key_nid, eventNid: row.event_nid, eventId: row.event_id },
  ]);
};

/** Redactions that wait for their event, by room: what they redact, to who redacts it. */
export const readWaitingRedactions = async (
  db: Db,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, Map<string, readonly string[]>>> => {
  const rows = await db.sql
    .selectFrom('waiting_redactions')
    .select(['room_nid', 'redacts', 'event_id'])
    .where('room_nid', '=', sql<number>`any(${roomNids}::int[])`)
    .execute();
  const waiting = new Map<number, Map<string, readonly string[]>>();
  for (const { room_nid: roomNid, redacts, event_id: eventId } of rows) {
    const ofRoom = waiting.get(roomNid) ?? new Map<string, readonly string[]>();
    waiting.set(roomNid, ofRoom.set(redacts, [...(ofRoom.get(redacts) ?? []), eventId]));
  }
  return waiting;
};
