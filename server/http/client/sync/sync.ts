import { type clientServer, limits } from '@candor/spec';
import { readSyncFilter } from '../../../sync/read-filter.ts';
import { readSyncToken } from '../../../sync/sync-token.ts';
import { waitForBody } from '../../../sync/wait-for-change.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const sync: Handler<typeof clientServer.sync> = async (
  context,
  { caller, query, signal },
) => {
  const { since, filter, timeout = 0 } = query;
  const { userId, deviceId } = caller;
  const request = {
    userId,
    deviceId,
    since: since === undefined ? undefined : readSyncToken(since),
    filter: await readSyncFilter(context.db, userId, filter),
    fullState: query.full_state ?? false,
    useStateAfter: query.use_state_after ?? false,
  };
  const timeoutMs = Math.min(timeout, limits.syncTimeoutMsMax);
  const disconnect = context.sync.presence.connect(userId, query.set_presence ?? 'online');
  try {
    const body = await waitForBody(context, request, { timeoutMs, signal });
    return new Answer({ body: body.text });
  } finally {
    disconnect();
  }
};
