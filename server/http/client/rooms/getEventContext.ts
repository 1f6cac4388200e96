import type { clientServer } from '@candor/spec';
import { readEventContext } from '../../../rooms/read-event.ts';
import type { Handler } from '../../handler.ts';
import { asClientEvents, type ClientEvent } from './as-client-events.ts';
import { readFilterParameter } from './read-filter-parameter.ts';

export const getEventContext: Handler<typeof clientServer.getEventContext> = async (
  context,
  { params, query, caller },
) => {
  const { roomId, eventId } = params;
  const filter = readFilterParameter(query.filter);
  const around = await readEventContext(context, caller, roomId, eventId, {
    limit: query.limit,
    filter,
  });
  return {
    ...around,
    event: around.event as unknown as ClientEvent,
    events_before: asClientEvents(around.events_before),
    events_after: asClientEvents(around.events_after),
    state: asClientEvents(around.state),
  };
};
