import { type federation, MatrixError } from '@candor/spec';
import { roomOfServer } from '../../../peers/room-for-server.ts';
import { pdusVisibleTo } from '../../../peers/visible-to-server.ts';
import type { Handler } from '../../handler.ts';
import { pduList } from './pdu-list.ts';

export const getEvent: Handler<typeof federation.getEvent> = async (
  context,
  { origin, params },
) => {
  const stored = await context.rooms.events.loadOne(params.eventId);
  if (!stored) throw new MatrixError('M_NOT_FOUND', 'there is no such event');
  const room = await roomOfServer(context, origin, stored.event.roomId);
  const pdus = await pdusVisibleTo(context, room, origin, [stored]);
  if (pdus.length === 0) throw new MatrixError('M_NOT_FOUND', 'there is no such event');
  return pduList(context, pdus);
};
