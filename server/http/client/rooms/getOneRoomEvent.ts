import type { clientServer } from '@candor/spec';
import { readEvent } from '../../../rooms/read-event.ts';
import type { Handler } from '../../handler.ts';
import type { ClientEvent } from './as-client-events.ts';

export const getOneRoomEvent: Handler<typeof clientServer.getOneRoomEvent> = async (
  context,
  { params, caller },
) => {
  const event = await readEvent(context, caller, params.roomId, params.eventId);
  return event as unknown as ClientEvent;
};
