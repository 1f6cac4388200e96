import type { Pdu } from '@candor/federation';
import { sql } from 'kysely';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';
import {
  type OnSpoiled,
  type StoredEvent,
  storedEventColumns,
  storedEventsOf,
} from './stored-event.ts';

const selectEvents = (db: Db) =>
  db.sql
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.room_nid', 'events.room_nid')
    .select(storedEventColumns);

/** Those of the events that are stored, in no order. */
export const readEvents = async (
  db: Db,
  eventIds: readonly string[],
  onSpoiled?: OnSpoiled,
): Promise<StoredEvent[]> => {
  if (eventIds.length === 0) return [];
  const rows = await selectEvents(db)
    .where('events.event_id', '=', sql<string>`any(${eventIds}::text[])`)
    .execute();
  return storedEventsOf(rows, onSpoiled);
};

/** Events by their integers, in no order. */
export const readEventsByNid = async (
  db: Db,
  eventNids: readonly number[],
  onSpoiled?: OnSpoiled,
): Promise<StoredEvent[]> => {
  if (eventNids.length === 0) return [];
  const rows = await selectEvents(db)
    .where('events.event_nid', '=', sql<number>`any(${eventNids}::bigint[])`)
    .execute();
  return storedEventsOf(rows, onSpoiled);
};

/** The `auth_events` of stored events, without the rest of them. */
export const readAuthEdges = async (
  db: Db,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  if (eventIds.length === 0) return new Map();
  const rows = await db.sql
    .selectFrom('events')
    .select(['event_id', 'json'])
    .where('event_id', '=', sql<string>`any(${eventIds}::text[])`)
    .execute();
  const edges = new Map<string, readonly string[]>();
  for (const { event_id: eventId, json } of rows) {
    const pdu = readJson(json, { table: 'events', row: eventId });
    if (pdu !== undefined) edges.set(eventId, (pdu as Pdu)['auth_events'] as readonly string[]);
  }
  return edges;
};
