import { type clientServer, isUserId, MatrixError, serverNameOf } from '@candor/spec';
import { readAccount } from '../../../storage/accounts.ts';
import { transact } from '../../../storage/database.ts';
import { insertReport } from '../../../storage/reports.ts';
import type { Handler } from '../../handler.ts';

export const reportUser: Handler<typeof clientServer.reportUser> = async (
  { config, db, now },
  { params, body, caller },
) => {
  const { userId } = params;
  const isLocal = serverNameOf(userId) === config.serverName;
  // Whether a user of another server exists is not ours to know.
  if (!isUserId(userId) || (isLocal && !(await readAccount(db, userId)))) {
    throw new MatrixError('M_NOT_FOUND', 'there is no such user');
  }
  const report = { reporter: caller.userId, userId, reason: body.reason };
  await transact(db, (tx) => insertReport(tx, report, now()));
  return {};
};
