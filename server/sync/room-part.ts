import { stateKeyOf } from '@candor/federation';
import { readBundles } from '../rooms/bundle-relations.ts';
import { passesFilter } from '../rooms/event-filter.ts';
import type { Room } from '../rooms/room.ts';
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
  /** Where it may have changed. */
  readonly summary: RoomSummary | undefined;
};

type RoomSummary = {
  readonly joined: number;
  readonly invited: number;
  readonly heroes: readonly string[] | undefined;
};

/** As many as the specification asks for. */
const heroesMax = 5;

const nameKeys = [stateKeyOf('m.room.name', ''), stateKeyOf('m.room.canonical_alias', '')];

/** Whether an event may change what a room is called where it has no name, or how many are in it. */
const isOfSummary = ({ event }: StoredEvent): boolean =>
  event.type === 'm.room.member' ||
  event.type === 'm.room.name' ||
  event.type === 'm.room.canonical_alias';

const hasName = async ({ context }: SyncScope, room: Room): Promise<boolean> => {
  const ids = nameKeys.flatMap((key) => room.state.get(key)?.eventId ?? []);
  const loaded = await context.rooms.events.load(ids);
  return [...loaded.values()].some(({ event }) => event.content['name'] || event.content['alias']);
};

/** Heroes are told where the room has no name of its own. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync_response-200_roomsummary
const readSummary = async (scope: SyncScope, room: Room): Promise<RoomSummary> => {
  const { context, request } = scope;
  const { joined = 0, invited = 0, heroes = [] } = (await context.sync.counts.of(room)) ?? {};
  const others = heroes.filter((userId) => userId !== request.userId).slice(0, heroesMax);
  return { joined, invited, heroes: (await hasName(scope, room)) ? undefined : others };
};

/** Bundled aggregations are for timelines that begin anew: of others the client has seen the parts. */
const timelineToWrite = async (
  { context, request }: SyncScope,
  room: Room,
  { events, limited }: RoomTimeline,
): Promise<readonly EventToWrite[]> => {
  const bundles = limited ? await readBundles(context, room, request, events) : undefined;
  if (!bundles || bundles.size === 0) return events;
  return events.map((one) => ({ ...one, relations: bundles.get(one.stored.event.eventId) }));
};

const writeList = async (
  { context, request }: SyncScope,
  list: 'state' | 'timeline',
  events: readonly EventToWrite[],
): Promise<string> => {
  const texts = await writeEvents(context, request, list, events);
  const shape = eventShapeOf(request.filter);
  if (!shape) return texts.join(',');
  return events.map(({ stored }, index) => shape(texts[index] ?? '', stored)).join(',');
};

/** Reads and writes the state and the timeline of one room. */
export const writeRoomPart = async (
  scope: SyncScope,
  { range, state: wanted, isFull, breaksTimeline }: RoomPartRequest,
): Promise<RoomPart> => {
  const { request } = scope;
  const { room } = range;
  const read = await readRoomTimeline(scope, range);
  const timeline = { ...read, limited: read.limited || breaksTimeline };
  const timelineIds = new Set(timeline.events.map(({ stored }) => stored.event.eventId));
  let state = await readStateFor(scope, room, wanted, timelineIds);
  const events = timeline.events.map(({ stored }) => stored);
  const hasSummary = isFull || [...state.values(), ...events].some(isOfSummary);
  const summary = hasSummary ? await readSummary(scope, room) : undefined;
  const stateFilter = roomFilterOf(request, 'state');
  if (stateFilter.lazy_load_members) {
    const heroes = summary?.heroes ?? [];
    state = await loadLazily(scope, room, state, timeline, { isFull, heroes });
  }
  const stateEvents = [...state.values()].filter(({ event }) => passesFilter(stateFilter, event));
  const stateText = await writeList(
    scope,
    'state',
    stateEvents.map((stored) => ({ stored })),
  );
  const timelineText = await writeList(
    scope,
    'timeline',
    await timelineToWrite(scope, room, timeline),
  );
  const { limited, prevBatch } = timeline;
  const name = request.useStateAfter ? 'state_after' : 'state';
  return {
    text: `"timeline":{"events":[${timelineText}],"limited":${limited},"prev_batch":"${prevBatch}"},"${name}":{"events":[${stateText}]}`,
    isEmpty: stateEvents.length === 0 && events.length === 0 && !limited,
    summary,
  };
};
