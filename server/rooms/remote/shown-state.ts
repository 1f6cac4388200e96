import {
  isObject,
  type Json,
  type JsonObject,
  type RoomVersionRules,
  readEvent,
} from '@candor/federation';
import { limits } from '@candor/spec';
import { checkIncoming } from './check-incoming.ts';
import type { RemoteContext } from './remote-context.ts';

/** An entry as clients see it, whether it came as a whole event or stripped; nothing when it is neither. */
const stripped = (entry: Json): readonly JsonObject[] => {
  if (!isObject(entry)) return [];
  const { type, state_key: stateKey, sender, content } = entry;
  const isWhole = typeof type === 'string' && typeof stateKey === 'string';
  if (!isWhole || typeof sender !== 'string' || !isObject(content)) return [];
  return [{ type, state_key: stateKey, sender, content }];
};

/** In versions whose room id is made from it, the create event shows that this is the room. */
export const hasCreateEvent = (
  entries: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): boolean => {
  const create = entries.find((entry) => isObject(entry) && entry['type'] === 'm.room.create');
  return !rules.roomIdIsCreateHash || readEvent(create, rules, roomId).ok;
};

/**
 * The state that comes with an invitation or a knock, as clients see it. From version 12 on, entries must be whole
 * events and signed; before, many servers send them stripped. Entries that are not as they should be are left out.
 */
// https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
export const readShownEntries = async (
  context: Pick<RemoteContext, 'federation'>,
  list: readonly Json[],
  rules: RoomVersionRules,
  roomId: string,
): Promise<readonly JsonObject[]> => {
  const entries = list.slice(0, limits.shownStateEntriesMax);
  if (!rules.roomIdIsCreateHash) return entries.flatMap(stripped);
  const checked = await checkIncoming(context, entries, rules, roomId);
  return checked.flatMap((one) => (one.ok ? stripped(one.event.pdu) : []));
};
