import type { clientServer } from '@candor/spec';
import { eventAtTime } from '../../../rooms/event-at-time.ts';
import type { Handler } from '../../handler.ts';

export const getEventByTimestamp: Handler<typeof clientServer.getEventByTimestamp> = async (
  context,
  { params, query, caller },
) => {
  const { event } = await eventAtTime(context, params.roomId, caller.userId, {
    at: query.ts,
    direction: query.dir,
  });
  return { event_id: event.eventId, origin_server_ts: event.originServerTs };
};
