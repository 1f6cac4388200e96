import { type RoomEvent, type StateKey, stateKeyOf, type Verdict } from '../events/room-event.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { soleStateKeys } from './auth-state.ts';
import { authTypesFor } from './auth-types.ts';
import { checkCreate } from './check-create.ts';
import { allowed, refused } from './verdicts.ts';

const checkEntries = (
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  rejected: (eventId: string) => boolean,
  rules: RoomVersionRules,
): Verdict => {
  const number = rules.authRuleNumbers.authEvents;
  const expected = new Set<StateKey>(authTypesFor(event, rules));
  const seen = new Set<StateKey>();
  for (const entry of authEvents) {
    const key = entry.stateKey === undefined ? undefined : stateKeyOf(entry.type, entry.stateKey);
    if (key !== undefined && seen.has(key)) return refused(`${number}.1`, `${key} is cited twice`);
    if (key === undefined || !expected.has(key)) {
      return refused(
        `${number}.2`,
        `${entry.eventId} (${entry.type}) does not belong in auth_events`,
      );
    }
    seen.add(key);
    if (rejected(entry.eventId)) return refused(`${number}.3`, `${entry.eventId} was rejected`);
    if (entry.roomId !== event.roomId) {
      return refused(`${number}.5`, `${entry.eventId} is of another room`);
    }
  }
  if (!rules.roomIdIsCreateHash && !seen.has(soleStateKeys.create)) {
    return refused(`${number}.4`, 'auth_events has no create event');
  }
  return allowed;
};

/**
 * The rules that look at the event and what it cites, the same whatever the state: the create event, `auth_events`.
 * `authEvents` are the loaded events of `event.authEvents`; one that is missing refuses the event.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
export const checkAuthEvents = (
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  rejected: (eventId: string) => boolean,
  rules: RoomVersionRules,
): Verdict => {
  if (event.type === 'm.room.create') return checkCreate(event, rules);
  if (rules.roomIdIsCreateHash && rejected(`$${event.roomId.slice(1)}`)) {
    return refused(2, "the room's create event was rejected");
  }
  const number = rules.authRuleNumbers.authEvents;
  const loaded = new Map(authEvents.map((entry) => [entry.eventId, entry]));
  const cited: RoomEvent[] = [];
  for (const eventId of event.authEvents) {
    const entry = loaded.get(eventId);
    if (entry === undefined) return refused(number, `the auth event ${eventId} is not known`);
    cited.push(entry);
  }
  return checkEntries(event, cited, rejected, rules);
};
