import { type federation, MatrixError } from '@candor/spec';
import { roomOfServer } from '../../../peers/room-for-server.ts';
import { pdusVisibleTo } from '../../../peers/visible-to-server.ts';
import { eventsNearTime } from '../../../rooms/event-at-time.ts';
import type { Handler } from '../../handler.ts';

export const getEventByTimestamp: Handler<typeof federation.getEventByTimestamp> = async (
  context,
  { origin, params, query },
) => {
  const room = await roomOfServer(context, origin, params.roomId);
  const request = { at: query.ts, direction: query.dir };
  for (const stored of await eventsNearTime(context.db, room, request)) {
    const visible = await pdusVisibleTo(context, room, origin, [stored]);
    if (visible.length === 0) continue;
    const { eventId, originServerTs } = stored.event;
    return { event_id: eventId, origin_server_ts: originServerTs };
  }
  throw new MatrixError('M_NOT_FOUND', 'there is no event on that side of the time');
};
