import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { relatingEvents } from './relating-events.ts';

export const getRelatingEvents: Handler<typeof clientServer.getRelatingEvents> = async (
  context,
  { params, query, caller },
) =>
  relatingEvents(context, caller, query, {
    roomId: params.roomId,
    parentEventId: params.eventId,
  });
