import { type clientServer, limits, MatrixError } from '@candor/spec';
import { transact } from '../../../storage/database.ts';
import { insertFilter } from '../../../storage/filters.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const defineFilter: Handler<typeof clientServer.defineFilter> = async (
  { db },
  { params, body, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const filterId = await transact(db, (tx) =>
    insertFilter(tx, caller.userId, JSON.stringify(body), limits.filtersPerUserMax),
  );
  if (filterId === undefined) {
    throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', 'this account has too many filters');
  }
  return { filter_id: String(filterId) };
};
