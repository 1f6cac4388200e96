import type { clientServer } from '@candor/spec';
import type { Context } from '../../../context.ts';
import { findRoom } from '../../../peers/find-room.ts';
import type { Entry } from '../../../rooms/join-room.ts';
import type { Request } from '../../handler.ts';

type EntryRequest = Pick<
  Request<typeof clientServer.joinRoom | typeof clientServer.knockRoom>,
  'params' | 'query' | 'body' | 'caller'
>;

/** The room that somebody wants into, by its id or an alias, and the servers to ask about it. Throws what `findRoom` throws. */
export const readEntry = async (
  context: Context,
  { params, query, body, caller }: EntryRequest,
): Promise<Entry> => {
  const asked = [...(query.via ?? []), ...(query.server_name ?? [])];
  const { roomId, servers } = await findRoom(context, params.roomIdOrAlias, {
    isAnonymous: false,
  });
  return {
    roomId,
    sender: caller.userId,
    reason: body.reason ?? undefined,
    via: [...new Set([...asked, ...servers])],
  };
};
