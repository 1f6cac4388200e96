import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { relatingEvents } from './relating-events.ts';

export const getRelatingEventsWithRelTypeAndEventType: Handler<
  typeof clientServer.getRelatingEventsWithRelTypeAndEventType
> = async (context, { params, query, caller }) =>
  relatingEvents(context, caller, query, {
    roomId: params.roomId,
    parentEventId: params.eventId,
    relType: params.relType,
    eventType: params.eventType,
  });
