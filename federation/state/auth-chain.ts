import type { StateMap } from '../events/room-event.ts';
import { splitConflicts } from './split-conflicts.ts';

/** The `auth_events` of an event; undefined for one that is not known, where the walk ends. */
export type AuthEventsOf = (eventId: string) => readonly string[] | undefined;

const walk = (
  starts: Iterable<string>,
  authEventsOf: AuthEventsOf,
  except: ReadonlySet<string>,
): Set<string> => {
  const found = new Set<string>();
  const open = [...starts];
  for (let eventId = open.pop(); eventId !== undefined; eventId = open.pop()) {
    if (found.has(eventId) || except.has(eventId)) continue;
    found.add(eventId);
    for (const authEventId of authEventsOf(eventId) ?? []) open.push(authEventId);
  }
  return found;
};

/** The given events and all that is reached from them along `auth_events`. */
export const authChainIds = (eventIds: Iterable<string>, authEventsOf: AuthEventsOf): Set<string> =>
  walk(eventIds, authEventsOf, new Set());

/**
 * The events in the auth chains of some, but not all, of the state sets. As other servers do, an event counts
 * into its own chain: what all sets have in their state is no difference.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#definitions
export const authDifference = (
  stateSets: readonly StateMap<string>[],
  authEventsOf: AuthEventsOf,
): Set<string> => {
  const { unconflicted, conflicted } = splitConflicts(stateSets);
  const agreed = walk(unconflicted.values(), authEventsOf, new Set());
  const setsWith = new Map<string, number>();
  for (const stateSet of stateSets) {
    const own = [...conflicted.keys()]
      .map((key) => stateSet.get(key))
      .filter((id) => id !== undefined);
    for (const eventId of walk(own, authEventsOf, agreed)) {
      setsWith.set(eventId, (setsWith.get(eventId) ?? 0) + 1);
    }
  }
  const difference = new Set<string>();
  for (const [eventId, count] of setsWith) {
    if (count < stateSets.length) difference.add(eventId);
  }
  return difference;
};
