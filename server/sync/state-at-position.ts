import type { StateKey } from '@candor/federation';
import type { Context } from '../context.ts';
import type { Room } from '../rooms/room.ts';
import type { StateEntry } from '../storage/room-state.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

type StateContext = Pick<Context, 'rooms'>;

/** How far one entry is followed back before it is taken as it is. */
const stepsBackMax = 200;

/** What stood where this entry stands, before the events after `position` came; undefined for nothing. */
export const entryAtPosition = async (
  { rooms }: StateContext,
  entry: StateEntry | undefined,
  isLater: (entry: StateEntry) => boolean,
): Promise<StateEntry | undefined> => {
  let at = entry;
  for (let step = 0; at && isLater(at) && step < stepsBackMax; step += 1) {
    // Memory runs ahead of the disk, and snapshots are read from there.
    await rooms.events.written(at.eventId);
    const stored = await rooms.events.loadOne(at.eventId);
    // State from before this server was in the room has nothing before it.
    if (!stored || stored.position === null) return at;
    if (stored.snapshotNid === null) return undefined;
    const { keyNid } = at;
    const states = await rooms.snapshots.look([stored.snapshotNid], [keyNid]);
    const eventNid = states.get(stored.snapshotNid)?.get(keyNid);
    const earlier =
      eventNid === undefined ? undefined : (await rooms.events.loadByNid([eventNid])).get(eventNid);
    at = earlier && { keyNid, eventNid: earlier.eventNid, eventId: earlier.event.eventId };
  }
  return at;
};

/**
 * The room's current state as it was at a stream position, and before the named events, which lie after it. Exact
 * where no resolution of state lies in between; otherwise some entries may be ahead, and an answer about what came
 * after the position tells them once more.
 */
export const stateAtPosition = async (
  context: StateContext,
  room: Room,
  position: StreamPosition,
  without: ReadonlySet<string> = new Set(),
): Promise<Map<StateKey, StateEntry>> => {
  const isLater = (entry: StateEntry) => entry.eventNid > position || without.has(entry.eventId);
  const state: Map<StateKey, StateEntry> = new Map(room.state);
  const later = [...state].filter(([, entry]) => isLater(entry));
  for (const [key, entry] of later) {
    const before = await entryAtPosition(context, entry, isLater);
    if (before) state.set(key, before);
    else state.delete(key);
  }
  return state;
};
