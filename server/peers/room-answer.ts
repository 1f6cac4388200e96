import type { Pdu } from '@candor/federation';
import { limits } from '@candor/spec';
import type { Context } from '../context.ts';
import { stateBefore } from '../rooms/state-at.ts';
import type { StoredEvent } from '../storage/stored-event.ts';

type ReadContext = Pick<Context, 'db' | 'rooms'>;

/** The ids of the state before an event, and of everything that state and the event were authorised by. */
export const stateIdsBefore = async (
  context: ReadContext,
  stored: StoredEvent,
): Promise<{ readonly state: readonly string[]; readonly chain: readonly string[] }> => {
  const entries = await stateBefore(context, stored);
  const state = [...entries.values()].map(({ eventId }) => eventId);
  const chain = await authChainOf(context, [...state, ...stored.event.authEvents]);
  const citing = new Set(chain);
  for (const eventId of stored.event.authEvents) citing.add(eventId);
  return { state, chain: [...citing] };
};

/** The ids of all that the events were authorised by, and of what that was authorised by. Throws `AuthChainTooLong`. */
export const authChainOf = async (
  { rooms }: ReadContext,
  eventIds: readonly string[],
): Promise<readonly string[]> => {
  const edges = await rooms.authEdges.walk(eventIds, eventIds.length + limits.authChainEventsMax);
  return [...new Set([...edges.values()].flat())];
};

/** The events as they travel; those that are rejected stay here. */
export const pdusOf = async (
  { rooms }: ReadContext,
  eventIds: readonly string[],
): Promise<readonly Pdu[]> => {
  const stored = await rooms.events.load(eventIds);
  return eventIds.flatMap((eventId) => {
    const one = stored.get(eventId);
    return one && one.rejectedFor === null ? [one.event.pdu] : [];
  });
};
