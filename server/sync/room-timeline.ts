import { limits } from '@candor/spec';
import { passesFilter, type RoomEventFilter } from '../rooms/event-filter.ts';
import type { VisibleEvent } from '../rooms/history-visibility.ts';
import type { Room } from '../rooms/room.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { seeEvents } from './see-events.ts';
import { roomFilterOf, type SyncScope } from './sync-scope.ts';
import { writeSyncToken } from './sync-token.ts';

/** The newest events of a part of a room's timeline, oldest first. */
export type RoomTimeline = {
  readonly events: readonly VisibleEvent[];
  /** Events before the first were left out. */
  readonly limited: boolean;
  readonly prevBatch: string;
};

/** Which part of the timeline is looked at. */
export type TimelineRange = {
  readonly room: Room;
  readonly from: StreamPosition;
  readonly upTo: StreamPosition;
  /** The events of the range, where memory has them all. */
  readonly eventIds?: readonly string[] | undefined;
  /** The user has been joined since this position. */
  readonly joinedSince?: StreamPosition | undefined;
};

/** How many reads a filter that lets little through may cost, and how many events each but the first looks at. */
const readsMax = 10;
const eventsPerReadMin = 100;

/** The next events back in time, newest first; fewer than `limit` when there are no more. */
type ReadBack = (limit: number) => Promise<readonly StoredEvent[]>;

const backThroughMemory = ({ context }: SyncScope, eventIds: readonly string[]): ReadBack => {
  let end = eventIds.length;
  return async (limit) => {
    const ids = eventIds.slice(Math.max(0, end - limit), end).reverse();
    end -= ids.length;
    const loaded = await context.rooms.events.load(ids);
    return ids.flatMap((id) => loaded.get(id) ?? []);
  };
};

const backThroughDatabase = (
  { context }: SyncScope,
  { room, from, upTo }: TimelineRange,
): ReadBack => {
  let end = upTo;
  return async (limit) => {
    const { events, reads } = context.rooms;
    const range = { roomNid: room.roomNid, after: from, upTo: end, limit };
    const read = events.remember(await reads.arrivals(range));
    end = (read.at(-1)?.position ?? from + 1) - 1;
    return read;
  };
};

const isWanted = (scope: SyncScope, filter: RoomEventFilter, { event }: StoredEvent): boolean =>
  passesFilter(filter, event) &&
  // https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-22
  (event.stateKey !== undefined || !scope.ignored.has(event.sender));

/**
 * Where the range's last gap ends: at the first event behind events that came later than it, or never. Also when
 * history has filled it since, for that has no place in the order events came in.
 */
const endOfGap = ({ room, from, upTo }: TimelineRange): StreamPosition | undefined =>
  room.gaps.findLast((position) => position > from && position <= upTo);

/** What lies behind the gap, of events that lead back to it. */
const behindGap = (read: readonly StoredEvent[], gap: StreamPosition | undefined) =>
  gap === undefined ? read : read.filter(({ position }) => position === null || position >= gap);

/**
 * The newest events of the range that the user may see and wants, as many as the filter's limit, and none from before
 * a gap: `/messages` goes on from there.
 */
export const readRoomTimeline = async (
  scope: SyncScope,
  range: TimelineRange,
): Promise<RoomTimeline> => {
  const { context, request } = scope;
  const { room, eventIds } = range;
  const filter = roomFilterOf(request, 'timeline');
  const limit = Math.min(filter.limit ?? limits.timelineEventsDefault, limits.timelineEventsMax);
  const readBack = eventIds
    ? backThroughMemory(scope, eventIds)
    : backThroughDatabase(scope, range);
  const gap = endOfGap(range);
  const events: VisibleEvent[] = [];
  let isMore = true;
  for (let reads = 0; reads < readsMax && isMore && events.length <= limit; reads += 1) {
    // What did not fill the timeline at once is looked for in longer steps.
    const step = reads === 0 ? limit + 1 : Math.max(limit + 1, eventsPerReadMin);
    const read = await readBack(step);
    const behind = behindGap(read, gap);
    isMore = behind.length === step;
    const { joinedSince } = range;
    const wanted = behind.filter((stored) => isWanted(scope, filter, stored));
    events.push(...(await seeEvents(context, room, request.userId, wanted, joinedSince)));
  }
  const limited = isMore || events.length > limit || gap !== undefined;
  const shown = events.slice(0, limit).reverse();
  const first = shown[0]?.stored.position;
  const start = typeof first === 'number' ? first - 1 : range.upTo;
  return {
    events: shown,
    limited,
    prevBatch: writeSyncToken({ position: start, toDevice: start }),
  };
};
