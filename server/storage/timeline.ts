import { sql } from 'kysely';
import type { Db } from './database.ts';
import { type ChildQuery, isChild } from './relations.ts';
import { type StoredEvent, storedEventColumns, storedEventOf } from './stored-event.ts';

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

/** The next events of a room's timeline in the direction, nearest first, without rejected and soft-failed ones. */
export const readTimeline = async (db: Db, page: TimelinePage): Promise<StoredEvent[]> => {
  const order = page.direction === 'b' ? 'desc' : 'asc';
  let query = selectTimeline(db, page.roomNid)
    .orderBy('events.depth', order)
    .orderBy('events.position', order)
    .limit(page.limit);
  if (page.after) query = query.where(isAfter(page.after));
  if (page.upTo) query = query.where(isUpTo(page.upTo));
  if (page.childrenOf) query = query.where(isChild(page.roomNid, page.childrenOf));
  return (await query.execute()).map(storedEventOf);
};

/** Live events of a room in the order they came: those after one stream position and up to another. */
export const readArrivals = async (
  db: Db,
  range: {
    readonly roomNid: number;
    readonly after: number;
    readonly upTo: number;
    /** Which end to start from when there are more than `limit`. */
    readonly newestFirst: boolean;
    readonly limit: number;
  },
): Promise<StoredEvent[]> => {
  const rows = await selectTimeline(db, range.roomNid)
    .where('events.position', '>', range.after)
    .where('events.position', '<=', range.upTo)
    .orderBy('events.position', range.newestFirst ? 'desc' : 'asc')
    .limit(range.limit)
    .execute();
  return rows.map(storedEventOf);
};
