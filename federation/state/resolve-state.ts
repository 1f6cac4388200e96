import { soleStateKeys } from '../auth/auth-state.ts';
import type { RoomEvent, StateKey, StateMap } from '../events/room-event.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { authDifference } from './auth-chain.ts';
import { conflictedSubgraph } from './conflicted-subgraph.ts';
import { iterativeAuthChecks } from './iterative-auth-checks.ts';
import { mainlineOrder } from './mainline-order.ts';
import { powerOrder } from './power-order.ts';
import { createResolution, type Resolution } from './resolution.ts';
import { splitConflicts } from './split-conflicts.ts';

export type ResolveOptions = {
  /** Events that failed authorisation when they came: they are never applied and authorise nothing. */
  readonly isRejected?: (eventId: string) => boolean;
  /** The auth difference of the whole state sets where the caller has an index of auth chains; else it is walked. */
  readonly authDifference?: ReadonlySet<string>;
};

// The empty state key is not in the specification's words, but in what servers do.
const isPowerEvent = ({ type, stateKey, sender, content }: RoomEvent): boolean => {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return stateKey === '';
  const { membership } = content;
  return (
    type === 'm.room.member' &&
    (membership === 'leave' || membership === 'ban') &&
    sender !== stateKey
  );
};

/** The power events of the set, and what they cite inside it. */
const powerEventIds = (full: ReadonlySet<string>, { eventOf }: Resolution): Set<string> => {
  const found = new Set<string>();
  const open: string[] = [];
  for (const eventId of full) {
    const event = eventOf(eventId);
    if (event && isPowerEvent(event)) open.push(eventId);
  }
  for (let eventId = open.pop(); eventId !== undefined; eventId = open.pop()) {
    if (found.has(eventId)) continue;
    found.add(eventId);
    for (const id of eventOf(eventId)?.authEvents ?? []) if (full.has(id)) open.push(id);
  }
  return found;
};

/**
 * Resolves state sets (event ids by state key) into one. `events` holds the conflicted events with their auth chains,
 * the unconflicted state they are checked against, the create event, and without `options.authDifference` the auth chains
 * of the unconflicted events too. Throws when a state event is missing; a missing cited event takes no part.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
export const resolveState = (
  stateSets: readonly StateMap<string>[],
  events: ReadonlyMap<string, RoomEvent>,
  rules: RoomVersionRules,
  options: ResolveOptions = {},
): Map<StateKey, string> => {
  const { unconflicted, conflicted } = splitConflicts(stateSets);
  if (conflicted.size === 0) return unconflicted;

  const resolution = createResolution(events, rules, options.isRejected ?? (() => false));
  const authEventsOf = (eventId: string) => events.get(eventId)?.authEvents;
  const conflictedIds = new Set([...conflicted.values()].flatMap((ids) => [...ids]));
  for (const eventId of conflictedIds) resolution.neededEvent(eventId);
  const full = conflictedIds
    .union(options.authDifference ?? authDifference(stateSets, authEventsOf))
    .union(
      rules.replaysConflictedSubgraph
        ? conflictedSubgraph(conflictedIds, authEventsOf)
        : new Set<string>(),
    );

  const powerIds = powerEventIds(full, resolution);
  const start = rules.resolvesFrom === 'empty' ? new Map() : unconflicted;
  const partial = iterativeAuthChecks(start, powerOrder(powerIds, resolution), resolution);

  const levelsId = partial.get(soleStateKeys.powerLevels);
  const levels = levelsId === undefined ? undefined : events.get(levelsId);
  const rest: RoomEvent[] = [];
  for (const eventId of full) {
    const event = powerIds.has(eventId) ? undefined : events.get(eventId);
    if (event) rest.push(event);
  }
  const resolved = iterativeAuthChecks(
    partial,
    mainlineOrder(rest, levels, resolution),
    resolution,
  );
  for (const [key, eventId] of unconflicted) resolved.set(key, eventId);
  return resolved;
};
