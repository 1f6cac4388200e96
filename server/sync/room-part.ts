import { readStateKey, type StateKey } from '@candor/federation';
import { passesFilter } from '../rooms/event-filter.ts';
import type { Room } from '../rooms/room.ts';
import type { RoomCounts } from '../storage/rooms-of-user.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { eventShapeOf } from './event-shape.ts';
import { type EventToWrite, writeEvents } from './event-texts.ts';
import { loadLazily } from './lazy-state.ts';
import { readStateFor, type StateWanted } from './room-state.ts';
import { type RoomTimeline, readRoomTimeline, type TimelineRange } from './room-timeline.ts';
import { roomFilterOf, type SyncScope } from './sync-scope.ts';

export type RoomPartRequest = {
  readonly range: TimelineRange;
  readonly state: StateWanted;
  /** The client is to know the room from this answer alone. */
  readonly isFull: boolean;
  /** The client is to take the timeline for a new one. */
  readonly breaksTimeline: boolean;
};

/** State and timeline of a room as JSON texts. */
export type RoomPart = {
  /** `"timeline":…,"state":…`, without braces. */
  readonly text: string;
  readonly isEmpty: boolean;
  readonly hasMembers: boolean;
  readonly heroes: readonly string[] | undefined;
};

const memberIn = (state: ReadonlyMap<StateKey, StoredEvent>): boolean => {
  for (const key of state.keys()) if (readStateKey(key)[0] === 'm.room.member') return true;
  return false;
};

const textOf = (
  name: 'state' | 'state_after',
  state: readonly string[],
  events: readonly string[],
  { limited, prevBatch }: RoomTimeline,
): string =>
  `"timeline":{"events":[${events.join(',')}],"limited":${limited},"prev_batch":"${prevBatch}"},"${name}":{"events":[${state.join(',')}]}`;

/** Heroes are told where the room has no name of its own. */
const heroesOf = (
  { request }: SyncScope,
  counts: RoomCounts | undefined,
): readonly string[] | undefined =>
  counts?.heroes.filter((userId) => userId !== request.userId).slice(0, 5);

/** Reads and writes the state and the timeline of one room. `counts` are those of the room, where they are told. */
export const writeRoomPart = async (
  scope: SyncScope,
  { range, state: wanted, isFull, breaksTimeline }: RoomPartRequest,
  countsOf: (room: Room) => Promise<RoomCounts | undefined>,
): Promise<RoomPart> => {
  const { context, request } = scope;
  const { room } = range;
  const timeline = await readRoomTimeline(scope, range);
  const timelineIds = new Set(timeline.events.map(({ stored }) => stored.event.eventId));
  let state = await readStateFor(scope, room, wanted, timelineIds);
  const hasMembers =
    isFull ||
    memberIn(state) ||
    timeline.events.some(({ stored }) => stored.event.type === 'm.room.member');
  const heroes = hasMembers ? heroesOf(scope, await countsOf(room)) : undefined;
  const stateFilter = roomFilterOf(request, 'state');
  if (stateFilter.lazy_load_members) {
    state = await loadLazily(scope, room, state, timeline, { isFull, heroes: heroes ?? [] });
  }
  const stateEvents: EventToWrite[] = [];
  for (const stored of state.values()) {
    if (passesFilter(stateFilter, stored.event)) stateEvents.push({ stored });
  }
  const all = [...stateEvents, ...timeline.events];
  const shape = eventShapeOf(request.filter);
  const texts = (await writeEvents(context, request, all)).map((text, index) => {
    const stored = all[index]?.stored;
    return shape && stored ? shape(text, stored) : text;
  });
  const shown = { ...timeline, limited: timeline.limited || breaksTimeline };
  const name = request.useStateAfter ? 'state_after' : 'state';
  const split = stateEvents.length;
  return {
    text: textOf(name, texts.slice(0, split), texts.slice(split), shown),
    isEmpty: all.length === 0 && !shown.limited,
    hasMembers,
    heroes,
  };
};
