import {
  type AuthState,
  authTypesFor,
  type RoomEvent,
  type RoomVersionRules,
  stateKeyOf,
} from '@candor/federation';
import type { StepContext } from '../place-event.ts';
import { roomSettings } from '../room.ts';
import type { StateSet } from '../state-set.ts';
import { StateUnreadable } from '../state-unreadable.ts';

/** What a room state has that decides about an event. */
export const authStateIn = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  event: RoomEvent,
  rules: RoomVersionRules,
  { entries }: Pick<StateSet, 'entries'>,
): Promise<AuthState> => {
  const keys = [roomSettings.create, ...authTypesFor(event, rules)];
  const keyNids = await rooms.stateKeys.intern(keys);
  const nids = new Set([...keyNids.values()].flatMap((keyNid) => entries.get(keyNid) ?? []));
  const loaded = await rooms.events.loadByNid(nids);
  if (loaded.size < nids.size) throw new StateUnreadable(event.roomId);
  const byKey = new Map<string, RoomEvent>();
  for (const { event: found } of loaded.values()) {
    if (found.stateKey !== undefined) byKey.set(stateKeyOf(found.type, found.stateKey), found);
  }
  return byKey;
};
