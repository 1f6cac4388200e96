import type { AuthState } from '../auth/auth-state.ts';
import { soleStateKeys } from '../auth/auth-state.ts';
import { type RoomEvent, type StateKey, stateKeyOf } from '../events/room-event.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';

/** What the steps of one resolution share. */
export type Resolution = {
  readonly rules: RoomVersionRules;
  readonly eventOf: (eventId: string) => RoomEvent | undefined;
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

  const createEventOf = (event: RoomEvent): RoomEvent => {
    const createEvent = eventOf(`$${event.roomId.slice(1)}`);
    if (createEvent === undefined) throw new Error('resolveState needs the create event');
    return createEvent;
  };

  const citedState = (event: RoomEvent): AuthState => ({
    get: (key) => {
      if (rules.roomIdIsCreateHash && key === soleStateKeys.create) return createEventOf(event);
      for (const eventId of event.authEvents) {
        const cited = eventOf(eventId);
        if (cited && keyOf(cited) === key) return cited;
      }
      return undefined;
    },
  });

  return { rules, eventOf, isRejected, keyOf, citedState };
};
