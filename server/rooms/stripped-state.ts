import {
  type JsonObject,
  type RoomEvent,
  type StateKey,
  stateKeyOf,
  strippedState,
} from '@candor/federation';
import type { EventCache } from './event-cache.ts';
import type { Room } from './room.ts';

// https://spec.matrix.org/v1.19/client-server-api/#stripped-state
const shownTypes: readonly StateKey[] = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
].map((type) => stateKeyOf(type, ''));

/** The state that says what a room is, to somebody invited by `inviter` or knocking; the create event comes first. */
export const readShownState = async (
  room: Room,
  events: EventCache,
  inviter?: string,
): Promise<readonly RoomEvent[]> => {
  const keys = inviter ? [...shownTypes, stateKeyOf('m.room.member', inviter)] : shownTypes;
  const ids = keys.flatMap((key) => room.state.get(key)?.eventId ?? []);
  const loaded = await events.load(ids);
  return ids.flatMap((id) => loaded.get(id)?.event ?? []);
};

/** The same, as clients see it. */
export const readStrippedState = async (
  room: Room,
  events: EventCache,
  inviter?: string,
): Promise<readonly JsonObject[]> =>
  (await readShownState(room, events, inviter)).map(strippedState);
