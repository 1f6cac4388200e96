import type { JsonObject } from '@candor/federation';
import type { clientServer } from '@candor/spec';
import { sendEvent } from '../../../rooms/send-event.ts';
import type { Handler } from '../../handler.ts';

export const setRoomStateWithKey: Handler<typeof clientServer.setRoomStateWithKey> = async (
  context,
  { params, body, caller },
) => {
  const { eventId } = await sendEvent(context, {
    roomId: params.roomId,
    sender: caller.userId,
    type: params.eventType,
    stateKey: params.stateKey,
    content: body as JsonObject,
  });
  return { event_id: eventId };
};
