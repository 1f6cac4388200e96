import type { clientServer } from '@candor/spec';
import { writeAccountData } from '../../../storage/account-data.ts';
import { transact } from '../../../storage/database.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';
import { refuseManagedType } from './refuse-managed-type.ts';

export const setAccountData: Handler<typeof clientServer.setAccountData> = async (
  { db },
  { params, body, caller },
) => {
  refuseOtherUser(caller, params.userId);
  refuseManagedType(params.type);
  await transact(db, (tx) => writeAccountData(tx, params, body));
  return {};
};
