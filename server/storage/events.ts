import { sql } from 'kysely';
import type { Db } from './database.ts';
import { type StoredEvent, storedEventColumns, storedEventsOf } from './stored-event.ts';

const selectEvents = (db: Db) =>
  db.sql
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.room_nid', 'events.room_nid')
    .select(storedEventColumns);

/** Those of the events that are stored, in no order. */
export const readEvents = async (db: Db, eventIds: readonly string[]): Promise<StoredEvent[]> => {
  if (eventIds.length === 0) return [];
  const rows = await selectEvents(db)
    .where('events.event_id', '=', sql<string>`any(${eventIds}::text[])`)
    .execute();
  return storedEventsOf(rows);
};

/** Events by their integers, in no order. */
export const readEventsByNid = async (
  db: Db,
  eventNids: readonly number[],
): Promise<StoredEvent[]> => {
  if (eventNids.length === 0) return [];
  const rows = await selectEvents(db)
    .where('events.event_nid', '=', sql<number>`any(${eventNids}::bigint[])`)
    .execute();
  return storedEventsOf(rows);
};

/** The `auth_events` of stored events, without the rest of them. */
export const readAuthEdges = async (
  db: Db,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  if (eventIds.length === 0) return new Map();
  const { rows } = await sql<{ event_id: string; auth_events: readonly string[] }>`
    SELECT event_id, json::json -> 'auth_events' AS auth_events
    FROM events WHERE event_id = any(${eventIds}::text[])`.execute(db.sql);
  return new Map(rows.map((row) => [row.event_id, row.auth_events]));
};
