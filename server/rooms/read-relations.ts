import type { JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import { type ChildQuery, readThreads } from '../storage/relations.ts';
import { showWithRelations } from './bundle-relations.ts';
import { visibleEvents } from './history-visibility.ts';
import type { StepContext } from './place-event.ts';
import { readAccess } from './read-access.ts';
import { readEvent } from './read-event.ts';
import { walkTimeline } from './read-messages.ts';
import type { Viewer } from './show-events.ts';
import { readTimelineToken, timelineToken } from './timeline-token.ts';

export type RelationsRequest = Pick<ChildQuery, 'parentEventId' | 'relType' | 'eventType'> & {
  readonly roomId: string;
  readonly direction?: 'b' | 'f' | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  readonly recurse?: boolean | undefined;
};

export type RelationsPage = {
  readonly chunk: readonly JsonObject[];
  readonly next_batch?: string;
  readonly prev_batch?: string;
  readonly recursion_depth?: number;
};

const pageSize = (wanted: number = limits.relationsPageDefault): number =>
  Math.min(Math.max(wanted, 1), limits.messagesPerPageMax);

/** The events that relate to an event. Throws M_FORBIDDEN, M_NOT_FOUND, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#relationships-api
export const readRelations = async (
  context: StepContext,
  viewer: Viewer,
  request: RelationsRequest,
): Promise<RelationsPage> => {
  const { roomId, parentEventId, relType, eventType, from, to, recurse } = request;
  const { room } = await readAccess(context, roomId, viewer.userId);
  await readEvent(context, viewer, roomId, parentEventId);
  const { events, end } = await walkTimeline(context, {
    room,
    userId: viewer.userId,
    direction: request.direction ?? 'b',
    at: from === undefined ? undefined : readTimelineToken(from),
    to: to === undefined ? undefined : readTimelineToken(to),
    limit: pageSize(request.limit),
    filter: {},
    childrenOf: {
      parentEventId,
      relType,
      eventType,
      levels: recurse ? limits.relationLevelsMax : 1,
    },
  });
  const meant = events.filter(
    ({ stored }) => eventType === undefined || stored.event.type === eventType,
  );
  return {
    chunk: await showWithRelations(context, room, viewer, meant),
    ...(end && !('streamPosition' in end) && { next_batch: timelineToken(end) }),
    ...(from !== undefined && { prev_batch: from }),
    ...(recurse && { recursion_depth: limits.relationLevelsMax }),
  };
};

export type ThreadsRequest = {
  readonly roomId: string;
  readonly include?: 'all' | 'participated' | undefined;
  readonly from?: string | undefined;
  readonly limit?: number | undefined;
};

const readThreadToken = (token: string): number => {
  const position = /^p(-?\d{1,16})$/.exec(token)?.[1];
  if (position === undefined) throw new MatrixError('M_INVALID_PARAM', 'from: not a token');
  return Number(position);
};

/** The events that threads begin with, the thread with the newest answer first. Throws M_FORBIDDEN, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#querying-threads-in-a-room
export const readThreadRoots = async (
  context: StepContext,
  viewer: Viewer,
  { roomId, include, from, limit }: ThreadsRequest,
): Promise<Pick<RelationsPage, 'chunk' | 'next_batch'>> => {
  const { room } = await readAccess(context, roomId, viewer.userId);
  const size = pageSize(limit);
  const found = await readThreads(context.db, room.roomNid, {
    participant: include === 'participated' ? viewer.userId : undefined,
    before: from === undefined ? undefined : readThreadToken(from),
    limit: size + 1,
  });
  const page = found.slice(0, size);
  const loaded = await context.rooms.events.load(page.map(({ rootEventId }) => rootEventId));
  const roots = page.flatMap(({ rootEventId }) => loaded.get(rootEventId) ?? []);
  const visible = await visibleEvents(context, room, viewer.userId, roots);
  const last = page.at(-1);
  return {
    chunk: await showWithRelations(context, room, viewer, visible),
    ...(found.length > size && last && { next_batch: `p${last.newestPosition}` }),
  };
};
