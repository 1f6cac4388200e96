import { sql } from 'kysely';
import type { Db } from './database.ts';
import { type ChildQuery, isChild } from './relations.ts';
import {
  type StoredEvent,
  type StoredEventRow,
  storedEventColumns,
  storedEventsOf,
} from './stored-event.ts';

/** A place in a timeline, which is ordered by depth and then by position. */
export type TimelinePlace = { readonly depth: number; readonly position: number };

/** Events up to and including a place, or a stream position, lie before the bound; the others behind it. */
export type TimelineBound = TimelinePlace | { readonly streamPosition: number };

export type TimelinePage = {
  readonly roomNid: number;
  readonly direction: 'b' | 'f';
  /** Events behind this bound. */
  readonly after?: TimelineBound | undefined;
  /** Events before this bound. */
  readonly upTo?: TimelineBound | undefined;
  /** Only events that relate to another. */
  readonly childrenOf?: ChildQuery | undefined;
  readonly limit: number;
};

const selectTimeline = (db: Db, roomNid: number) =>
  db.sql
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.room_nid', 'events.room_nid')
    .select(storedEventColumns)
    .select('events.depth')
    .where('events.room_nid', '=', roomNid)
    .where('events.position', 'is not', null)
    .where('events.is_soft_failed', '=', false);

const isAfter = (bound: TimelineBound) =>
  'streamPosition' in bound
    ? sql<boolean>`events.position > ${bound.streamPosition}::bigint`
    : sql<boolean>`(events.depth, events.position) > (${bound.depth}::bigint, ${bound.position}::bigint)`;

const isUpTo = (bound: TimelineBound) =>
  'streamPosition' in bound
    ? sql<boolean>`events.position <= ${bound.streamPosition}::bigint`
    : sql<boolean>`(events.depth, events.position) <= (${bound.depth}::bigint, ${bound.position}::bigint)`;

const readRows = (db: Db, page: TimelinePage) => {
  const order = page.direction === 'b' ? 'desc' : 'asc';
  let query = selectTimeline(db, page.roomNid)
    .orderBy('events.depth', order)
    .orderBy('events.position', order)
    .limit(page.limit);
  if (page.after) query = query.where(isAfter(page.after));
  if (page.upTo) query = query.where(isUpTo(page.upTo));
  if (page.childrenOf) query = query.where(isChild(page.roomNid, page.childrenOf));
  return query.execute();
};

/**
 * The next events of a room's timeline in the direction, nearest first, without rejected and soft-failed ones. Fewer
 * than the limit only at the end: where a row cannot be read, the next one takes its place.
 */
export const readTimeline = async (db: Db, page: TimelinePage): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = [];
  let rest = page;
  for (;;) {
    const rows = await readRows(db, rest);
    events.push(...(await storedEventsOf(rows)));
    const last = rows.at(-1);
    const limit = page.limit - events.length;
    if (!last || rows.length < rest.limit || limit === 0) return events;
    const { depth, position } = { depth: last.depth, position: last.position ?? 0 };
    rest =
      page.direction === 'b'
        ? { ...rest, limit, upTo: { depth, position: position - 1 } }
        : { ...rest, limit, after: { depth, position } };
  }
};

/** Which of a room's live events: the newest after one stream position and up to another. */
export type Arrivals = {
  readonly roomNid: number;
  readonly after: number;
  readonly upTo: number;
  readonly limit: number;
};

/** Live events of rooms by the order they came, newest first; for each range its own. */
export const readArrivals = async (
  db: Db,
  ranges: readonly Arrivals[],
): Promise<readonly (readonly StoredEvent[])[]> => {
  const { rows } = await sql<StoredEventRow & { readonly range: number }>`
    SELECT range.index::int AS range, e.*, rooms.room_id, rooms.version
    FROM unnest(
      ${ranges.map(({ roomNid }) => roomNid)}::int[], ${ranges.map(({ after }) => after)}::bigint[],
      ${ranges.map(({ upTo }) => upTo)}::bigint[], ${ranges.map(({ limit }) => limit)}::int[]
    ) WITH ORDINALITY AS range (room_nid, after, up_to, most, index)
    JOIN rooms ON rooms.room_nid = range.room_nid
    CROSS JOIN LATERAL (
      SELECT event_nid, event_id, position, snapshot_nid, is_outlier, is_soft_failed, rejected_for,
        redacted_by, received_at, json, events.room_nid
      FROM events
      WHERE events.room_nid = range.room_nid AND position IS NOT NULL AND NOT is_soft_failed
        AND position > range.after AND position <= range.up_to
      ORDER BY position DESC LIMIT range.most
    ) e
    ORDER BY range.index, e.position DESC`.execute(db.sql);
  const events = new Map((await storedEventsOf(rows)).map((event) => [event.eventNid, event]));
  const found: StoredEvent[][] = ranges.map(() => []);
  for (const { range, event_nid: eventNid } of rows) {
    const event = events.get(eventNid);
    if (event) found[range - 1]?.push(event);
  }
  return found;
};
