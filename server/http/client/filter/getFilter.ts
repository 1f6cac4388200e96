import { type clientServer, MatrixError, type ResponseOf } from '@candor/spec';
import { readFilter } from '../../../storage/filters.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const getFilter: Handler<typeof clientServer.getFilter> = async (
  { db },
  { params, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const { filterId } = params;
  const isId = /^\d{1,9}$/.test(filterId);
  const filter = isId ? await readFilter(db, caller.userId, Number(filterId)) : undefined;
  if (filter === undefined) throw new MatrixError('M_NOT_FOUND', 'there is no such filter');
  return filter as ResponseOf<typeof clientServer.getFilter>;
};
