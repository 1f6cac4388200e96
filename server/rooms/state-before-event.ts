import type { StepContext } from './place-event.ts';
import { resolveStateSets } from './resolve-state-sets.ts';
import type { Room } from './room.ts';
import { type StateSet, stateSetAfter } from './state-set.ts';

/** Some predecessors are not here, or their state is not known. */
export type MissingPredecessors = { readonly missing: readonly string[] };

/**
 * The state before an event, from the states after its predecessors. Only the room's writer calls it; waits for what
 * the room has queued. Throws `AuthChainTooLong`.
 */
// https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution
export const stateBeforeEvent = async (
  context: Pick<StepContext, 'db' | 'rooms'>,
  room: Room,
  prevEvents: readonly string[],
): Promise<StateSet | MissingPredecessors> => {
  await context.rooms.queue.settled(room.roomNid);
  const stored = await context.rooms.events.load(prevEvents);
  const missing = prevEvents.filter((eventId) => {
    const one = stored.get(eventId);
    return !one || one.isOutlier || one.roomNid !== room.roomNid;
  });
  if (missing.length > 0) return { missing };
  const sets = await Promise.all([...stored.values()].map((one) => stateSetAfter(context, one)));
  return resolveStateSets(context, room, sets);
};
