import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { readMissing } from '../storage/backward-extremities.ts';
import type { ChildQuery } from '../storage/relations.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { readTimeline, type TimelineBound } from '../storage/timeline.ts';
import { showWithRelations } from './bundle-relations.ts';
import { passesFilter, type RoomEventFilter } from './event-filter.ts';
import { type VisibleEvent, visibleEvents } from './history-visibility.ts';
import { lazyMembers } from './lazy-members.ts';
import type { StepContext } from './place-event.ts';
import { readAccess } from './read-access.ts';
import { backfill } from './remote/backfill.ts';
import type { RemoteContext } from './remote/remote-context.ts';
import type { Room } from './room.ts';
import type { Viewer } from './show-events.ts';
import { readTimelineToken, timelineToken } from './timeline-token.ts';

export type PageRequest = {
  readonly roomId: string;
  readonly direction: 'b' | 'f';
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  readonly filter?: RoomEventFilter | undefined;
};

export type MessagesPage = {
  readonly start: string;
  readonly end?: string;
  readonly chunk: readonly JsonObject[];
  readonly state?: readonly JsonObject[];
};

/** How many reads a page may take when the filter, or the history visibility, lets little through. */
const readsPerPageMax = 10;

/** A walk along a timeline; `at` is the gap it has come to. */
export type Walk = {
  readonly room: Room;
  readonly userId: string;
  readonly direction: 'b' | 'f';
  readonly at: TimelineBound | undefined;
  readonly to: TimelineBound | undefined;
  readonly limit: number;
  readonly filter: RoomEventFilter;
  readonly childrenOf?: ChildQuery;
};

type Walked = {
  readonly events: readonly VisibleEvent[];
  /** The gap behind the last event that was looked at; undefined at the end of the timeline. */
  readonly end: TimelineBound | undefined;
};

/** The gap that a walk is in once it has passed an event. */
const gapBehind = ({ event, position }: StoredEvent, direction: 'b' | 'f') => {
  const place = position ?? 0;
  return { depth: event.depth, position: direction === 'b' ? place - 1 : place };
};

const boundsOf = (direction: 'b' | 'f', from?: TimelineBound, to?: TimelineBound) =>
  direction === 'b' ? { upTo: from, after: to } : { after: from, upTo: to };

/** The next events that the user may see and that the filter lets pass, nearest first. */
export const walkTimeline = async (context: StepContext, walk: Walk): Promise<Walked> => {
  const { room, direction, limit } = walk;
  const events: VisibleEvent[] = [];
  let at = walk.at;
  for (let reads = 0; reads < readsPerPageMax; reads += 1) {
    const read = await readTimeline(context.db, {
      roomNid: room.roomNid,
      direction,
      ...boundsOf(direction, at, walk.to),
      childrenOf: walk.childrenOf,
      limit: limit + 1,
    });
    const page = context.rooms.events.remember(read);
    const visible = await visibleEvents(context, room, walk.userId, page);
    const passing = new Map(visible.map((one) => [one.stored.event.eventId, one]));
    for (const stored of page) {
      if (events.length === limit) return { events, end: at };
      const shown = passing.get(stored.event.eventId);
      if (shown && passesFilter(walk.filter, stored.event)) events.push(shown);
      at = gapBehind(stored, direction);
    }
    if (page.length <= limit) return { events, end: undefined };
  }
  return { events, end: at };
};

const depthOf = (bound: TimelineBound | undefined, otherwise: number): number =>
  bound && 'depth' in bound ? bound.depth : otherwise;

/** Where a walk back between two depths comes to something missing that can still be had. */
const firstGap = async (
  { db, rooms }: RemoteContext,
  { roomNid }: Room,
  depths: { readonly from: number; readonly to: number },
): Promise<TimelineBound | undefined> => {
  const missing = await readMissing(db, roomNid, depths, limits.prevEventsMax);
  const next = missing.find(({ eventId }) => !rooms.unavailable.has(eventId));
  return next && { depth: next.childPlace.depth, position: next.childPlace.position - 1 };
};

/**
 * Goes back again as long as other servers have history that was missing on the way, a few times; then the page ends
 * at what is missing still, and the next one asks for that.
 */
const walkHistory = async (context: RemoteContext, walk: Walk): Promise<Walked> => {
  const { room, direction } = walk;
  for (let round = 0; ; round += 1) {
    const { backfills } = room;
    const walked = await walkTimeline(context, walk);
    if (direction === 'f') return walked;
    const depths = {
      from: depthOf(walked.end ?? walk.to, 0),
      to: depthOf(walk.at, limits.depthMax),
    };
    if (round === limits.backfillsPerPageMax) {
      const gap = await firstGap(context, room, depths);
      if (!gap) return walked;
      const { events, end } = await walkTimeline(context, { ...walk, to: gap });
      return { events, end: end ?? gap };
    }
    if (await backfill(context, room, depths)) room.backfills += 1;
    // Another reader may have had it brought in meanwhile.
    if (room.backfills === backfills) return walked;
  }
};

const tokenOf = (bound: TimelineBound): string =>
  'streamPosition' in bound ? `s${bound.streamPosition}` : timelineToken(bound);

/** A page of a room's history. Throws M_FORBIDDEN, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
export const readMessages = async (
  context: RemoteContext,
  viewer: Viewer,
  request: PageRequest,
): Promise<MessagesPage> => {
  const { direction, filter = {} } = request;
  const { room } = await readAccess(context, request.roomId, viewer.userId);
  const first = { streamPosition: direction === 'b' ? context.db.clock.committed : 0 };
  const from = request.from === undefined ? undefined : readTimelineToken(request.from);
  const wanted = request.limit ?? filter.limit ?? limits.timelineEventsDefault;
  const { events, end } = await walkHistory(context, {
    room,
    userId: viewer.userId,
    direction,
    at: from,
    to: request.to === undefined ? undefined : readTimelineToken(request.to),
    limit: Math.min(Math.max(wanted, 1), limits.messagesPerPageMax),
    filter,
  });
  const stored = events.map((event) => event.stored);
  return {
    start: request.from ?? tokenOf(first),
    ...(end && { end: tokenOf(end) }),
    chunk: await showWithRelations(context, room, viewer, events),
    ...(filter.lazy_load_members && { state: await lazyMembers(context, viewer, stored) }),
  };
};
