import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { relatingEvents } from './relating-events.ts';

export const getRelatingEventsWithRelType: Handler<
  typeof clientServer.getRelatingEventsWithRelType
> = async (context, { params, query, caller }) =>
  relatingEvents(context, caller, query, {
    roomId: params.roomId,
    parentEventId: params.eventId,
    relType: params.relType,
  });
