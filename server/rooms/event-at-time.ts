import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { Db } from '../storage/database.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { readTimeline, type TimelinePlace } from '../storage/timeline.ts';
import { readAccess } from './read-access.ts';
import { walkTimeline } from './read-messages.ts';
import type { Room } from './room.ts';

export type TimeRequest = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly direction: 'b' | 'f';
};

/** Senders' clocks differ, so that the order of times and that of the timeline are not quite the same. */
const neighboursRead = 50;

const gapBefore = (depth: number): TimelinePlace => ({
  depth: depth - 1,
  position: Number.MAX_SAFE_INTEGER,
});

/** The gap in a room's timeline that a time falls into, by halves: times grow with the depth, by and large. */
const gapAtTime = async (db: Db, room: Room, at: number): Promise<TimelinePlace> => {
  let low = 0;
  let high = room.depth + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const [event] = await readTimeline(db, {
      roomNid: room.roomNid,
      direction: 'f',
      after: gapBefore(middle),
      limit: 1,
    });
    if (!event || event.event.originServerTs >= at) high = middle;
    else low = event.event.depth + 1;
  }
  return gapBefore(low);
};

/** Those of the events that lie in the direction, the nearest first. */
const sortByTime = (
  events: readonly StoredEvent[],
  { at, direction }: TimeRequest,
): readonly StoredEvent[] => {
  const sign = direction === 'f' ? 1 : -1;
  const distance = ({ event }: StoredEvent) => sign * (event.originServerTs - at);
  return events
    .filter((event) => distance(event) >= 0)
    .sort((one, other) => distance(one) - distance(other));
};

/** The event nearest to a time that the user may see. Throws M_FORBIDDEN, M_NOT_FOUND. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
export const eventAtTime = async (
  context: Pick<Context, 'config' | 'db' | 'rooms' | 'now'>,
  roomId: string,
  userId: string,
  request: TimeRequest,
): Promise<StoredEvent> => {
  const { room } = await readAccess(context, roomId, userId);
  const gap = await gapAtTime(context.db, room, request.at);
  const walk = { room, userId, at: gap, to: undefined, limit: neighboursRead, filter: {} };
  const [before, after] = await Promise.all([
    walkTimeline(context, { ...walk, direction: 'b' }),
    walkTimeline(context, { ...walk, direction: 'f' }),
  ]);
  const events = [...before.events, ...after.events].map(({ stored }) => stored);
  const [nearest] = sortByTime(events, request);
  if (nearest) return nearest;
  throw new MatrixError('M_NOT_FOUND', 'there is no event on that side of the time');
};

/** The events around a time, whoever may see them, the nearest first. */
export const eventsNearTime = async (
  db: Db,
  room: Room,
  request: TimeRequest,
): Promise<readonly StoredEvent[]> => {
  const gap = await gapAtTime(db, room, request.at);
  const page = { roomNid: room.roomNid, limit: neighboursRead } as const;
  const [before, after] = await Promise.all([
    readTimeline(db, { ...page, direction: 'b', upTo: gap }),
    readTimeline(db, { ...page, direction: 'f', after: gap }),
  ]);
  return sortByTime([...before, ...after], request);
};
