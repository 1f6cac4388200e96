import type { clientServer, ResponseOf } from '@candor/spec';
import { findRoom } from '../../../peers/find-room.ts';
import { previewRoom } from '../../../rooms/preview-room.ts';
import { readMembership } from '../../../storage/memberships.ts';
import type { Handler } from '../../handler.ts';

type Membership = ResponseOf<typeof clientServer.getRoomSummary>['membership'];

export const getRoomSummary: Handler<typeof clientServer.getRoomSummary> = async (
  context,
  { params, query, caller },
) => {
  const found = await findRoom(context, params.roomIdOrAlias, { isAnonymous: !caller });
  const via = [...(query.via ?? []), ...found.servers];
  const { summary } = await previewRoom(context, found.roomId, via, caller?.userId);
  const room = caller && (await context.rooms.get(found.roomId));
  const own = room && (await readMembership(context.db, room.roomNid, caller.userId));
  const membership = own?.membership as Membership;
  return { ...summary, ...(membership && { membership }) };
};
