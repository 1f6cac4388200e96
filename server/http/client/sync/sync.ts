import { Readable } from 'node:stream';
import { type clientServer, limits } from '@candor/spec';
import { readSyncFilter } from '../../../sync/read-filter.ts';
import { readSyncToken } from '../../../sync/sync-token.ts';
import { waitForBody } from '../../../sync/wait-for-change.ts';
import type { SyncBody } from '../../../sync/write-body.ts';
import { Answer, type AnswerFields } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

/** A long body goes out in its pieces, as fast as the client takes them. */
const bodyOf = ({ pieces, bytes }: SyncBody): AnswerFields => {
  const [first, ...rest] = pieces;
  if (first && rest.length === 0) return { body: first };
  return { body: Readable.from(pieces), length: bytes };
};

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
    return new Answer(bodyOf(body));
  } finally {
    disconnect();
  }
};
