import { isObject, type Json, type JsonObject, stateKeyOf } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { isRoomAlias, MatrixError, serverNameOf } from '@candor/spec';
import { readAlias } from '../storage/aliases.ts';
import type { RoomContext } from './build-room-event.ts';
import { askDirectory } from './remote/ask-directory.ts';
import type { Room } from './room.ts';

/** Each may be a request to another server. */
const newAliasesMax = 20;

const aliasesIn = (content: JsonObject): readonly string[] => {
  const alternatives: Json = content['alt_aliases'] ?? [];
  const all = [content['alias'] || null, ...(Array.isArray(alternatives) ? alternatives : [])];
  return all.filter((alias) => typeof alias === 'string');
};

/** Undefined where the server of the alias does not know it, or does not answer. */
const roomBehind = async (context: RoomContext, alias: string): Promise<Json | undefined> => {
  const { config, db } = context;
  const server = serverNameOf(alias) ?? '';
  if (server === config.serverName) return (await readAlias(db, alias))?.roomId;
  try {
    return (await askDirectory(context, server, alias))['room_id'];
  } catch (error) {
    if (error instanceof PeerError) return undefined;
    throw error;
  }
};

/**
 * Each alias that is new in the event must exist and point to the room; those of other servers are asked for, so it is
 * done before the room is held. Throws M_BAD_ALIAS, M_INVALID_PARAM.
 */
// https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias
export const checkAliases = async (
  context: RoomContext,
  room: Room,
  content: JsonObject,
): Promise<void> => {
  const entry = room.state.get(stateKeyOf('m.room.canonical_alias', ''));
  const before = entry && (await context.rooms.events.loadOne(entry.eventId));
  const known = new Set(
    before && isObject(before.event.content) ? aliasesIn(before.event.content) : [],
  );
  const added = aliasesIn(content).filter((alias) => !known.has(alias));
  for (const alias of added) {
    if (!isRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', `${alias} is no alias`);
  }
  if (added.length > newAliasesMax) {
    throw new MatrixError('M_INVALID_PARAM', `more than ${newAliasesMax} new aliases at once`);
  }
  const behind = await Promise.all(added.map((alias) => roomBehind(context, alias)));
  const wrong = added.find((_, index) => behind[index] !== room.roomId);
  if (wrong !== undefined) {
    throw new MatrixError('M_BAD_ALIAS', `${wrong} does not point to this room`);
  }
};
