import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import { setPublished } from '../storage/room-directory.ts';

/**
 * Puts a room into the public room list, or takes it out; whoever may name the room's canonical alias may, and
 * administrators. Throws M_NOT_FOUND, M_FORBIDDEN.
 */
// https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid
export const setVisibility = async (
  { db, rooms }: Pick<Context, 'db' | 'rooms'>,
  roomId: string,
  isPublic: boolean,
  user: { readonly userId: string; readonly isAdmin: boolean },
): Promise<void> => {
  const room = await rooms.get(roomId);
  if (!room) throw new MatrixError('M_NOT_FOUND', 'this server does not know the room');
  const mayName =
    room.joined.has(user.userId) &&
    room.levels.ofUser(user.userId) >= room.levels.toSend('m.room.canonical_alias', true);
  if (!mayName && !user.isAdmin) {
    throw new MatrixError('M_FORBIDDEN', 'the user may not change who finds this room');
  }
  await transact(db, (tx) => setPublished(tx, roomId, isPublic));
};
