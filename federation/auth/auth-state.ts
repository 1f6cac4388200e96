import { type RoomEvent, type StateKey, stateKeyOf } from '../events/room-event.ts';

/** Room state as the authorisation rules read it; a `Map` is one. */
export type AuthState = { readonly get: (key: StateKey) => RoomEvent | undefined };

/** The state keys without a state key of their own, made once. */
export const soleStateKeys = {
  create: stateKeyOf('m.room.create', ''),
  powerLevels: stateKeyOf('m.room.power_levels', ''),
  joinRules: stateKeyOf('m.room.join_rules', ''),
} as const;

/** The user's `membership`, `leave` when there is none. */
export const membershipOf = (state: AuthState, userId: string): string => {
  const membership = state.get(stateKeyOf('m.room.member', userId))?.content['membership'];
  return typeof membership === 'string' ? membership : 'leave';
};
