import { readStateKey, type StateKey, stateKeyOf } from '@candor/federation';
import type { Room } from '../rooms/room.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { RoomTimeline } from './room-timeline.ts';
import { entryAtPosition } from './state-at-position.ts';
import { roomFilterOf, type SyncScope } from './sync-scope.ts';

type State = Map<StateKey, StoredEvent>;

/** The member events that stood at `upTo`, before those in the timeline. */
const readMembers = async (
  { context, request, upTo }: SyncScope,
  room: Room,
  keys: Iterable<StateKey>,
  timelineIds: ReadonlySet<string>,
): Promise<State> => {
  const ids = new Map<StateKey, string>();
  for (const key of keys) {
    const entry = await entryAtPosition(
      context,
      room.state.get(key),
      ({ eventNid, eventId }) =>
        eventNid > upTo || (!request.useStateAfter && timelineIds.has(eventId)),
    );
    if (entry) ids.set(key, entry.eventId);
  }
  const loaded = await context.rooms.events.load(ids.values());
  const members: State = new Map();
  for (const [key, id] of ids) {
    const stored = loaded.get(id);
    if (stored) members.set(key, stored);
  }
  return members;
};

/**
 * Cuts the members in a room's state down to those that a lazily loading client needs to show the timeline, and adds
 * those that are missing for it. What changed in a gap stays.
 */
// https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
export const loadLazily = async (
  scope: SyncScope,
  room: Room,
  state: State,
  timeline: RoomTimeline,
  options: { readonly isFull: boolean; readonly heroes: readonly string[] },
): Promise<State> => {
  const { request, context, upTo } = scope;
  const { isFull, heroes } = options;
  const needed = new Set(
    timeline.events.map(({ stored }) => stateKeyOf('m.room.member', stored.event.sender)),
  );
  for (const userId of isFull ? [...heroes, request.userId] : heroes) {
    needed.add(stateKeyOf('m.room.member', userId));
  }
  const kept: State = new Map();
  for (const [key, stored] of state) {
    if (!isFull || needed.has(key) || readStateKey(key)[0] !== 'm.room.member') {
      kept.set(key, stored);
    }
  }
  const timelineIds = new Set(timeline.events.map(({ stored }) => stored.event.eventId));
  const missing = [...needed].filter((key) => !kept.has(key));
  const session = `${request.userId} ${request.deviceId}`;
  const { include_redundant_members: isRepeated } = roomFilterOf(request, 'state');
  for (const [key, stored] of await readMembers(scope, room, missing, timelineIds)) {
    const { eventId } = stored.event;
    const isKnown = context.sync.sentMembers.has(session, eventId);
    if (isRepeated || isFull || !isKnown) kept.set(key, stored);
  }
  for (const [key, { event }] of kept) {
    if (needed.has(key)) context.sync.sentMembers.add(session, event.eventId, upTo);
  }
  return kept;
};
