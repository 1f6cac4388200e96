import { type JsonObject, type StateKey, stateKeyOf, strippedState } from '@candor/federation';
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

/** What somebody invited by `inviter`, or knocking, is shown of the room. */
export const readStrippedState = async (
  room: Room,
  events: EventCache,
  inviter?: string,
): Promise<readonly JsonObject[]> => {
  const keys = inviter ? [...shownTypes, stateKeyOf('m.room.member', inviter)] : shownTypes;
  const ids = keys.flatMap((key) => room.state.get(key)?.eventId ?? []);
  const loaded = await events.load(ids);
  return ids.flatMap((id) => {
    const stored = loaded.get(id);
    return stored ? [strippedState(stored.event)] : [];
  });
};
