import { type AuthState, soleStateKeys } from '../auth/auth-state.ts';
import { type RoomEvent, type StateKey, stateKeyOf } from '../events/room-event.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';

/** What the steps of one resolution share. */
export type Resolution = {
  readonly rules: RoomVersionRules;
  readonly eventOf: (eventId: string) => RoomEvent | undefined;
  /** Throws for an event without which the answer would be wrong. */
  readonly neededEvent: (eventId: string) => RoomEvent;
  readonly isRejected: (eventId: string) => boolean;
  /** The state key of a state event, spelled once per event. */
  readonly keyOf: (event: RoomEvent) => StateKey | undefined;
  /** The state that an event cites as its `auth_events`, with the create event of its room. */
  readonly citedState: (event: RoomEvent) => AuthState;
};

/** Sets up the look-ups over the events of one room. */
export const createResolution = (
  events: ReadonlyMap<string, RoomEvent>,
  rules: RoomVersionRules,
  isRejected: (eventId: string) => boolean,
): Resolution => {
  const eventOf = (eventId: string) => events.get(eventId);
  const keys = new Map<RoomEvent, StateKey>();

  const keyOf = (event: RoomEvent): StateKey | undefined => {
    if (event.stateKey === undefined) return undefined;
    let key = keys.get(event);
    if (key === undefined) {
      key = stateKeyOf(event.type, event.stateKey);
      keys.set(event, key);
    }
    return key;
  };

  const neededEvent = (eventId: string): RoomEvent => {
    const event = eventOf(eventId);
    if (event === undefined) throw new Error(`resolveState needs the event ${eventId}`);
    return event;
  };

  const citedState = (event: RoomEvent): AuthState => ({
    get: (key) => {
      if (rules.roomIdIsCreateHash && key === soleStateKeys.create) {
        return neededEvent(`$${event.roomId.slice(1)}`);
      }
      for (const eventId of event.authEvents) {
        const cited = eventOf(eventId);
        if (cited && keyOf(cited) === key) return cited;
      }
      return undefined;
    },
  });

  return { rules, eventOf, neededEvent, isRejected, keyOf, citedState };
};
