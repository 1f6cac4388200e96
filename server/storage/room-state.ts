import { sql } from 'kysely';
import type { Db } from './database.ts';

export type StateEntry = {
  readonly keyNid: number;
  readonly eventNid: number;
  readonly eventId: string;
};

export type RoomHead = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly version: string;
  readonly extremities: readonly string[];
  readonly snapshotNid: number | null;
};

/** What the `rooms` row says; undefined for a room this server has never heard of. */
export const readRoomHead = async (db: Db, roomId: string): Promise<RoomHead | undefined> => {
  const row = await db.sql
    .selectFrom('rooms')
    .selectAll()
    .where('room_id', '=', roomId)
    .executeTakeFirst();
  return (
    row && {
      roomNid: row.room_nid,
      roomId: row.room_id,
      version: row.version,
      extremities: JSON.parse(row.extremities) as string[],
      snapshotNid: row.snapshot_nid,
    }
  );
};

/** The current state with its keys. */
export const readCurrentState = async (
  db: Db,
  roomNid: number,
): Promise<readonly (readonly [key: string, entry: StateEntry])[]> => {
  const rows = await db.sql
    .selectFrom('current_state as c')
    .innerJoin('state_keys as k', 'k.key_nid', 'c.key_nid')
    .innerJoin('events as e', 'e.event_nid', 'c.event_nid')
    .select(['k.key', 'c.key_nid', 'c.event_nid', 'e.event_id'])
    .where('c.room_nid', '=', roomNid)
    .execute();
  return rows.map((row) => [
    row.key,
    { keyNid: row.key_nid, eventNid: row.event_nid, eventId: row.event_id },
  ]);
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

/** Redactions that wait for their event: what they redact, to who redacts it. */
export const readWaitingRedactions = async (
  db: Db,
  roomNid: number,
): Promise<Map<string, readonly string[]>> => {
  const rows = await db.sql
    .selectFrom('waiting_redactions')
    .select(['redacts', 'event_id'])
    .where('room_nid', '=', roomNid)
    .execute();
  const waiting = new Map<string, string[]>();
  for (const row of rows) {
    waiting.set(row.redacts, [...(waiting.get(row.redacts) ?? []), row.event_id]);
  }
  return waiting;
};
