import { checkAuth } from '../auth/check-auth.ts';
import type { RoomEvent, StateKey, StateMap } from '../events/room-event.ts';
import type { Resolution } from './resolution.ts';

/**
 * Applies events in order to a copy of `start`, leaving out those that the rules do not allow at that point.
 * State that is missing comes from what the event cites; rejected events are neither applied nor relied on.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#definitions
export const iterativeAuthChecks = (
  start: StateMap<string>,
  events: readonly RoomEvent[],
  { rules, neededEvent, isRejected, keyOf, citedState }: Resolution,
): Map<StateKey, string> => {
  const state = new Map(start);
  const usable = (event: RoomEvent | undefined) =>
    event !== undefined && !isRejected(event.eventId) ? event : undefined;
  for (const event of events) {
    const key = keyOf(event);
    if (key === undefined || isRejected(event.eventId)) continue;
    const cited = citedState(event);
    const get = (wanted: StateKey): RoomEvent | undefined => {
      const eventId = state.get(wanted);
      return (
        usable(eventId === undefined ? undefined : neededEvent(eventId)) ??
        usable(cited.get(wanted))
      );
    };
    if (checkAuth(event, { get }, rules).allowed) state.set(key, event.eventId);
  }
  return state;
};
