import type { StateKey } from '@candor/federation';
import type { Room } from '../rooms/room.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StateMove } from './gather-changes.ts';
import { entryAtPosition, stateAtPosition } from './state-at-position.ts';
import type { SyncScope } from './sync-scope.ts';

/** Which entries of a room's state the client does not have yet. */
export type StateWanted =
  /** All of them. */
  | { readonly kind: 'all' }
  /** What memory says has moved. */
  | { readonly kind: 'moves'; readonly moves: readonly StateMove[] }
  /** What came after `from`, by the state itself. */
  | { readonly kind: 'after' };

const idsOfMoves = (
  moves: readonly StateMove[],
  without: ReadonlySet<string>,
): ReadonlyMap<StateKey, string> => {
  const ids = new Map<StateKey, string>();
  for (const { key, eventId } of moves) {
    if (eventId === undefined) ids.delete(key);
    else if (!without.has(eventId)) ids.set(key, eventId);
  }
  return ids;
};

const idsAfter = async (
  { context, from, upTo }: SyncScope,
  room: Room,
  without: ReadonlySet<string>,
): Promise<ReadonlyMap<StateKey, string>> => {
  const ids = new Map<StateKey, string>();
  for (const [key, entry] of [...room.state]) {
    if (entry.since <= from) continue;
    // A resolution after `upTo` has brought it back: it is told with that.
    if (entry.since > upTo && entry.eventNid <= upTo) continue;
    const at = await entryAtPosition(
      context,
      entry,
      (one) => one.eventNid > upTo || without.has(one.eventId),
    );
    if (at && (at === entry || at.eventNid > from)) ids.set(key, at.eventId);
  }
  return ids;
};

const idsOfAll = async (
  { context, upTo }: SyncScope,
  room: Room,
  without: ReadonlySet<string>,
): Promise<ReadonlyMap<StateKey, string>> => {
  const state = await stateAtPosition(context, room, upTo, without);
  return new Map([...state].map(([key, { eventId }]) => [key, eventId]));
};

/**
 * State events that, with the timeline after them, bring the client to the state at `upTo`; for a client that asked
 * for `state_after` all of them, whatever the timeline holds.
 */
// https://spec.matrix.org/v1.19/client-server-api/#syncing
export const readStateFor = async (
  scope: SyncScope,
  room: Room,
  wanted: StateWanted,
  timelineIds: ReadonlySet<string>,
): Promise<Map<StateKey, StoredEvent>> => {
  const without: ReadonlySet<string> = scope.request.useStateAfter ? new Set() : timelineIds;
  const ids =
    wanted.kind === 'moves'
      ? idsOfMoves(wanted.moves, without)
      : await (wanted.kind === 'all' ? idsOfAll : idsAfter)(scope, room, without);
  if (ids.size === 0) return new Map();
  const loaded = await scope.context.rooms.events.load(ids.values());
  const state = new Map<StateKey, StoredEvent>();
  for (const [key, id] of ids) {
    const stored = loaded.get(id);
    if (stored) state.set(key, stored);
  }
  return state;
};
