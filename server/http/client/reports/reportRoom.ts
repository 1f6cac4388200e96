import { type clientServer, MatrixError } from '@candor/spec';
import { transact } from '../../../storage/database.ts';
import { insertReport } from '../../../storage/reports.ts';
import type { Handler } from '../../handler.ts';

export const reportRoom: Handler<typeof clientServer.reportRoom> = async (
  { db, rooms, now },
  { params, body, caller },
) => {
  const { roomId } = params;
  if (!(await rooms.get(roomId))) throw new MatrixError('M_NOT_FOUND', 'there is no such room');
  const report = { reporter: caller.userId, roomId, reason: body.reason };
  await transact(db, (tx) => insertReport(tx, report, now()));
  return {};
};
