import { sql } from 'kysely';
import type { Db } from './database.ts';
import { type StoredEvent, storedEventColumns, storedEventOf } from './stored-event.ts';

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
  return rows.map(storedEventOf);
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
  return rows.map(storedEventOf);
};
