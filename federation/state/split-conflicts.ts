import type { StateKey, StateMap } from '../events/room-event.ts';

export type SplitConflicts = {
  /** What all sets agree on. */
  readonly unconflicted: Map<StateKey, string>;
  /** The event ids the sets have where they do not agree, or where one has none. */
  readonly conflicted: Map<StateKey, ReadonlySet<string>>;
};

/** Divides state sets (event ids by state key) into what needs no resolution and what does. */
// https://spec.matrix.org/v1.19/rooms/v12/#definitions
export const splitConflicts = (stateSets: readonly StateMap<string>[]): SplitConflicts => {
  const unconflicted = new Map<StateKey, string>();
  const conflicted = new Map<StateKey, ReadonlySet<string>>();
  for (const stateSet of stateSets) {
    for (const [key, eventId] of stateSet) {
      if (unconflicted.has(key) || conflicted.has(key)) continue;
      if (stateSets.every((other) => other.get(key) === eventId)) {
        unconflicted.set(key, eventId);
      } else {
        const eventIds = stateSets.map((other) => other.get(key)).filter((id) => id !== undefined);
        conflicted.set(key, new Set(eventIds));
      }
    }
  }
  return { unconflicted, conflicted };
};
