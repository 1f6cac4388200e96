import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { roomOfServer } from './room-for-server.ts';

/** An event in its place in a room that the server is in too. Throws M_NOT_FOUND, M_FORBIDDEN. */
export const placedEventOfServer = async (
  context: Pick<Context, 'rooms'>,
  origin: string,
  roomId: string,
  eventId: string,
): Promise<StoredEvent> => {
  const room = await roomOfServer(context, origin, roomId);
  const stored = await context.rooms.events.loadOne(eventId);
  if (stored && !stored.isOutlier && stored.roomNid === room.roomNid) return stored;
  throw new MatrixError('M_NOT_FOUND', 'the event is not known in the room');
};
