import { type clientServer, MatrixError } from '@candor/spec';
import { readEvent } from '../../../rooms/read-event.ts';
import { transact } from '../../../storage/database.ts';
import { insertReport } from '../../../storage/reports.ts';
import type { Handler } from '../../handler.ts';

export const reportEvent: Handler<typeof clientServer.reportEvent> = async (
  context,
  { params, body, caller },
) => {
  const { db, rooms, now } = context;
  const { roomId, eventId } = params;
  const room = await rooms.get(roomId);
  if (!room?.joined.has(caller.userId))
    throw new MatrixError('M_NOT_FOUND', 'there is no such event');
  await readEvent(context, caller, roomId, eventId);
  const { reason, score } = body;
  const report = { reporter: caller.userId, roomId, eventId, reason, score };
  await transact(db, (tx) => insertReport(tx, report, now()));
  return {};
};
