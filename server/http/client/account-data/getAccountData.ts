import { type clientServer, MatrixError } from '@candor/spec';
import { readAccountData } from '../../../storage/account-data.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const getAccountData: Handler<typeof clientServer.getAccountData> = async (
  { db },
  { params, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const content = await readAccountData(db, params);
  if (!content) throw new MatrixError('M_NOT_FOUND', 'there is no such account data');
  return content;
};
