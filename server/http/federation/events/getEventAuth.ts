import { type federation, MatrixError } from '@candor/spec';
import { authChainOf, pdusOf } from '../../../peers/room-answer.ts';
import { roomOfServer } from '../../../peers/room-for-server.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const getEventAuth: Handler<typeof federation.getEventAuth> = async (
  context,
  { origin, params: { roomId, eventId } },
) => {
  const room = await roomOfServer(context, origin, roomId);
  const stored = await context.rooms.events.loadOne(eventId);
  if (stored?.roomNid !== room.roomNid) {
    throw new MatrixError('M_NOT_FOUND', 'the event is not known in the room');
  }
  const chain = await authChainOf(context, [eventId]);
  return new Answer({ body: JSON.stringify({ auth_chain: await pdusOf(context, chain) }) });
};
