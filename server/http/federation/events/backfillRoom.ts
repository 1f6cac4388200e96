import { type federation, limits } from '@candor/spec';
import { roomOfServer } from '../../../peers/room-for-server.ts';
import { pdusVisibleTo } from '../../../peers/visible-to-server.ts';
import { walkBack } from '../../../peers/walk-back.ts';
import type { Handler } from '../../handler.ts';
import { pduList } from './pdu-list.ts';

export const backfillRoom: Handler<typeof federation.backfillRoom> = async (
  context,
  { origin, params, query },
) => {
  const room = await roomOfServer(context, origin, params.roomId);
  const limit = Math.min(query.limit, limits.backfillEventsMax);
  const events = await walkBack(context, { room, from: query.v, limit });
  return pduList(context, await pdusVisibleTo(context, room, origin, events));
};
