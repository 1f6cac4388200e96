import type { clientServer } from '@candor/spec';
import { deviceListChangesBetween } from '../../../storage/device-lists.ts';
import { readSyncToken } from '../../../sync/sync-token.ts';
import type { Handler } from '../../handler.ts';

export const getKeysChanges: Handler<typeof clientServer.getKeysChanges> = async (
  { db },
  { caller, query },
) => {
  const from = readSyncToken(query.from).position;
  const to = readSyncToken(query.to).position;
  const { changed, left } = await deviceListChangesBetween(db, caller.userId, from, to);
  return { changed: [...changed], left: [...left] };
};
