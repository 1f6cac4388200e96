import type { JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import { showWithRelations } from './bundle-relations.ts';
import type { RoomEventFilter } from './event-filter.ts';
import { type VisibleEvent, visibleEvents } from './history-visibility.ts';
import { lazyMembers } from './lazy-members.ts';
import type { StepContext } from './place-event.ts';
import { walkTimeline } from './read-messages.ts';
import { showState } from './read-state.ts';
import type { Room } from './room.ts';
import type { Viewer } from './show-events.ts';
import { stateAfter } from './state-at.ts';
import { timelineToken } from './timeline-token.ts';

/** An event that the user may see. Throws M_NOT_FOUND, also for what the user may not see. */
const findVisible = async (
  context: StepContext,
  viewer: Viewer,
  roomId: string,
  eventId: string,
): Promise<{ readonly room: Room; readonly event: VisibleEvent }> => {
  const { rooms } = context;
  const room = await rooms.get(roomId);
  const stored = await rooms.events.loadOne(eventId);
  const [event] = room && stored ? await visibleEvents(context, room, viewer.userId, [stored]) : [];
  if (!room || !event) throw new MatrixError('M_NOT_FOUND', 'no such event');
  return { room, event };
};

/** One event as clients see it. Throws M_NOT_FOUND. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid
export const readEvent = async (
  context: StepContext,
  viewer: Viewer,
  roomId: string,
  eventId: string,
): Promise<JsonObject> => {
  const { room, event } = await findVisible(context, viewer, roomId, eventId);
  const [shown = {}] = await showWithRelations(context, room, viewer, [event]);
  return shown;
};

export type EventContext = {
  readonly start: string;
  readonly end: string;
  readonly event: JsonObject;
  readonly events_before: readonly JsonObject[];
  readonly events_after: readonly JsonObject[];
  readonly state: readonly JsonObject[];
};

/** An event with its neighbours, and the state after the last of them. Throws M_NOT_FOUND. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
export const readEventContext = async (
  context: StepContext,
  viewer: Viewer,
  roomId: string,
  eventId: string,
  {
    limit = limits.timelineEventsDefault,
    filter = {},
  }: { readonly limit?: number | undefined; readonly filter?: RoomEventFilter | undefined } = {},
): Promise<EventContext> => {
  const { room, event } = await findVisible(context, viewer, roomId, eventId);
  const { depth } = event.stored.event;
  const position = event.stored.position ?? 0;
  const capped = Math.min(limit, limits.messagesPerPageMax);
  const walk = { room, userId: viewer.userId, to: undefined, filter };
  const behind = { ...walk, direction: 'b', at: { depth, position: position - 1 } } as const;
  const ahead = { ...walk, direction: 'f', at: { depth, position } } as const;
  const nothing = { events: [], end: undefined };
  const [before, after] = await Promise.all([
    capped > 1 ? walkTimeline(context, { ...behind, limit: Math.floor(capped / 2) }) : nothing,
    capped > 0 ? walkTimeline(context, { ...ahead, limit: Math.ceil(capped / 2) }) : nothing,
  ]);
  const all = [...before.events, event, ...after.events];
  const last = after.events.at(-1) ?? event;
  const first = before.events.at(-1) ?? event;
  const placeOf = ({ stored }: VisibleEvent, before: boolean) => ({
    depth: stored.event.depth,
    position: (stored.position ?? 0) - (before ? 1 : 0),
  });
  const stored = all.map((one) => one.stored);
  const [shown = {}] = await showWithRelations(context, room, viewer, [event]);
  return {
    start: timelineToken(placeOf(first, true)),
    end: timelineToken(placeOf(last, false)),
    event: shown,
    events_before: await showWithRelations(context, room, viewer, before.events),
    events_after: await showWithRelations(context, room, viewer, after.events),
    state: filter.lazy_load_members
      ? await lazyMembers(context, viewer, stored)
      : await showWholeState(context, viewer, last),
  };
};

const showWholeState = async (
  context: StepContext,
  viewer: Viewer,
  { stored }: VisibleEvent,
): Promise<JsonObject[]> => {
  const state = await stateAfter(context, stored);
  const ids = [...state.values()].map((entry) => entry.eventId);
  return showState(context, viewer, [...(await context.rooms.events.load(ids)).values()]);
};
