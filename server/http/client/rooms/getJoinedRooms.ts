import type { clientServer } from '@candor/spec';
import { readRoomsOfUser } from '../../../storage/memberships.ts';
import type { Handler } from '../../handler.ts';

export const getJoinedRooms: Handler<typeof clientServer.getJoinedRooms> = async (
  { db },
  { caller },
) => {
  const rooms = await readRoomsOfUser(db, caller.userId, ['join']);
  return { joined_rooms: rooms.map(({ roomId }) => roomId) };
};
