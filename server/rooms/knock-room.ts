import { MatrixError } from '@candor/spec';
import type { RoomContext } from './build-room-event.ts';
import type { Entry } from './join-room.ts';
import type { SentEvent } from './send-in-room.ts';
import { sendMembership } from './send-membership.ts';

/** Asks to be let into a room. Throws M_FORBIDDEN, M_NOT_FOUND for a room this server is not in. */
// https://spec.matrix.org/v1.19/client-server-api/#knocking-on-rooms
export const knockRoom = async (context: RoomContext, entry: Entry): Promise<SentEvent> => {
  const known = await context.rooms.get(entry.roomId);
  if (!known?.isResident) {
    throw new MatrixError('M_NOT_FOUND', 'this server does not know the room');
  }
  return sendMembership(context, { ...entry, target: entry.sender }, 'knock');
};
