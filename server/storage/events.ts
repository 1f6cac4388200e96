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

/** Ids of events by their integers. */
export const readEventIds = async (
  db: Db,
  eventNids: readonly number[],
): Promise<ReadonlyMap<number, string>> => {
  const rows = await db.sql
    .selectFrom('events')
    .select(['event_nid', 'event_id'])
    .where('event_nid', '=', sql<number>`any(${eventNids}::bigint[])`)
    .execute();
  return new Map(rows.map((row) => [row.event_nid, row.event_id]));
};

/** A place between events of a timeline; `position` orders events of one depth. */
export type TimelinePlace = { readonly depth: number; readonly position: number };

export type TimelinePage = {
  readonly roomNid: number;
  readonly direction: 'b' | 'f';
  /** Events beyond this place; from the end of the timeline when there is none. */
  readonly from?: TimelinePlace;
  /** Stops before this place. */
  readonly to?: TimelinePlace;
  /** Only what was stored up to this stream position. */
  readonly upTo?: number;
  readonly limit: number;
};

/** The next events of a room's timeline in the direction, without soft-failed and rejected ones. */
export const readTimeline = async (db: Db, page: TimelinePage): Promise<StoredEvent[]> => {
  const isBack = page.direction === 'b';
  const beyond = (place: TimelinePlace, less: boolean) =>
    sql<boolean>`(events.depth, events.position) ${sql.raw(less ? '<' : '>')} (${place.depth}::bigint, ${place.position}::bigint)`;
  let query = selectEvents(db)
    .where('events.room_nid', '=', page.roomNid)
    .where('events.position', 'is not', null)
    .where('events.is_soft_failed', '=', false)
    .orderBy('events.depth', isBack ? 'desc' : 'asc')
    .orderBy('events.position', isBack ? 'desc' : 'asc')
    .limit(page.limit);
  if (page.from) query = query.where(beyond(page.from, isBack));
  if (page.to) query = query.where(beyond(page.to, !isBack));
  if (page.upTo !== undefined) query = query.where('events.position', '<=', page.upTo);
  return (await query.execute()).map(storedEventOf);
};

/** Live events of a room stored after one stream position and up to another, oldest first. */
export const readEventsBetween = async (
  db: Db,
  range: { readonly roomNid: number; readonly after: number; readonly upTo: number },
  limit: number,
): Promise<StoredEvent[]> => {
  const rows = await selectEvents(db)
    .where('events.room_nid', '=', range.roomNid)
    .where('events.position', '>', range.after)
    .where('events.position', '<=', range.upTo)
    .where('events.is_soft_failed', '=', false)
    .orderBy('events.position', 'asc')
    .limit(limit)
    .execute();
  return rows.map(storedEventOf);
};
