import { type AuthEventsOf, authChainIds } from './auth-chain.ts';

/** The events on any path along `auth_events` from one conflicted event to another, both included. */
// https://spec.matrix.org/v1.19/rooms/v12/#definitions
export const conflictedSubgraph = (
  conflicted: ReadonlySet<string>,
  authEventsOf: AuthEventsOf,
): Set<string> => {
  const citedBy = new Map<string, string[]>();
  for (const eventId of authChainIds(conflicted, authEventsOf)) {
    for (const authEventId of authEventsOf(eventId) ?? []) {
      const citing = citedBy.get(authEventId);
      if (citing) citing.push(eventId);
      else citedBy.set(authEventId, [eventId]);
    }
  }
  // Everything in the chains is below a conflicted event; going up from the conflicted ones keeps what is above one too.
  return authChainIds(conflicted, (eventId) => citedBy.get(eventId));
};
