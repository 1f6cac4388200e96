import { stateKeyOf } from '@candor/federation';
import { isRoomAlias, MatrixError, serverNameOf } from '@candor/spec';
import { deleteAlias, insertAlias, readAlias } from '../storage/aliases.ts';
import { transact } from '../storage/database.ts';
import type { RoomContext } from './build-room-event.ts';
import type { Room } from './room.ts';
import { sendEvent } from './send-event.ts';

type NewAlias = { readonly alias: string; readonly roomId: string; readonly userId: string };

/** Gives a room an alias of this server; its members may. Throws M_INVALID_PARAM, M_FORBIDDEN, M_ROOM_IN_USE. */
// https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias
export const makeAlias = async (
  { config, db, rooms, now }: RoomContext,
  { alias, roomId, userId }: NewAlias,
): Promise<void> => {
  if (!isRoomAlias(alias) || serverNameOf(alias) !== config.serverName) {
    throw new MatrixError('M_INVALID_PARAM', 'the alias is not one of this server');
  }
  const room = await rooms.get(roomId);
  if (!room?.joined.has(userId))
    throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  const isMade = await transact(db, (tx) =>
    insertAlias(tx, { alias, roomId, creator: userId }, now()),
  );
  if (!isMade) throw new MatrixError('M_ROOM_IN_USE', 'the alias is taken', { status: 409 });
};

/** Takes an alias away: its maker may, and who may name the room's canonical alias. Throws M_NOT_FOUND, M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
export const removeAlias = async (
  context: RoomContext,
  alias: string,
  user: { readonly userId: string; readonly isAdmin: boolean },
): Promise<void> => {
  const { db, rooms } = context;
  const found = await readAlias(db, alias);
  if (!found) throw new MatrixError('M_NOT_FOUND', 'there is no such alias');
  const room = await rooms.get(found.roomId);
  const mayName =
    room?.joined.has(user.userId) &&
    room.levels.ofUser(user.userId) >= room.levels.toSend('m.room.canonical_alias', true);
  if (found.creator !== user.userId && !mayName && !user.isAdmin) {
    throw new MatrixError('M_FORBIDDEN', 'the user may not remove this alias');
  }
  await transact(db, (tx) => deleteAlias(tx, alias));
  if (room?.joined.has(user.userId)) await renameRoom(context, room, alias, user.userId);
};

/** The room is not named by an alias that is gone; where the user may not say so, it is gone all the same. */
const renameRoom = async (
  context: RoomContext,
  room: Room,
  gone: string,
  userId: string,
): Promise<void> => {
  const entry = room.state.get(stateKeyOf('m.room.canonical_alias', ''));
  const named = entry && (await context.rooms.events.loadOne(entry.eventId))?.event.content;
  if (!named) return;
  const { alias = null, alt_aliases: others = null, ...rest } = named;
  const isOther = Array.isArray(others) && others.includes(gone);
  if (alias !== gone && !isOther) return;
  const content = {
    ...rest,
    ...(alias !== null && alias !== gone && { alias }),
    ...(others !== null && {
      alt_aliases: isOther ? others.filter((one) => one !== gone) : others,
    }),
  };
  const { roomId } = room;
  const type = 'm.room.canonical_alias';
  await sendEvent(context, { roomId, sender: userId, type, stateKey: '', content }).catch(
    (error: unknown) => {
      if (!(error instanceof MatrixError)) throw error;
    },
  );
};
