import type { JsonObject } from '@candor/federation';
import type { clientServer } from '@candor/spec';
import { sendEvent } from '../../../rooms/send-event.ts';
import type { Handler } from '../../handler.ts';

export const sendMessage: Handler<typeof clientServer.sendMessage> = async (
  context,
  { params, body, caller },
) => {
  const { roomId, eventType, txnId } = params;
  const { userId, deviceId } = caller;
  const { eventId } = await sendEvent(context, {
    roomId,
    sender: userId,
    type: eventType,
    content: body as JsonObject,
    txn: { deviceId, txnKey: `sendMessage ${roomId} ${eventType}`, txnId },
  });
  return { event_id: eventId };
};
