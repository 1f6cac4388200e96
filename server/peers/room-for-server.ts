import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { Room } from '../rooms/room.ts';
import { isServerAllowed } from '../rooms/server-acl.ts';

/** A room that this server is in and lets the other one at. Throws M_NOT_FOUND, M_FORBIDDEN. */
export const roomForServer = async (
  { rooms }: Pick<Context, 'rooms'>,
  origin: string,
  roomId: string,
): Promise<Room> => {
  const room = await rooms.get(roomId);
  if (!room?.isResident) throw new MatrixError('M_NOT_FOUND', 'this server is not in the room');
  if (isServerAllowed(room, origin)) return room;
  throw new MatrixError('M_FORBIDDEN', 'the room keeps this server out');
};

/** The same for what only servers in the room may know. */
export const roomOfServer = async (
  context: Pick<Context, 'rooms'>,
  origin: string,
  roomId: string,
): Promise<Room> => {
  const room = await roomForServer(context, origin, roomId);
  if (room.servers.has(origin)) return room;
  throw new MatrixError('M_FORBIDDEN', 'the server is not in the room');
};
