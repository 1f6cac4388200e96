import { isObject, type Json, type JsonObject, stateKeyOf } from '@candor/federation';
import { isRoomAlias, MatrixError } from '@candor/spec';
import { readAlias } from '../storage/aliases.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

const aliasesIn = (content: JsonObject): readonly string[] => {
  const alternatives: Json = content['alt_aliases'] ?? [];
  const all = [content['alias'] || null, ...(Array.isArray(alternatives) ? alternatives : [])];
  return all.filter((alias) => typeof alias === 'string');
};

/** Each alias that is new in the event must exist and point to the room. Throws M_BAD_ALIAS, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias
export const checkAliases = async (
  { db, rooms }: StepContext,
  room: Room,
  { content }: { readonly content: JsonObject },
): Promise<void> => {
  const entry = room.state.get(stateKeyOf('m.room.canonical_alias', ''));
  const before = entry && (await rooms.events.loadOne(entry.eventId));
  const known = new Set(
    before && isObject(before.event.content) ? aliasesIn(before.event.content) : [],
  );
  for (const alias of aliasesIn(content)) {
    if (known.has(alias)) continue;
    if (!isRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', `${alias} is no alias`);
    const found = await readAlias(db, alias);
    if (found?.roomId !== room.roomId) {
      throw new MatrixError('M_BAD_ALIAS', `${alias} does not point to this room`);
    }
  }
};
