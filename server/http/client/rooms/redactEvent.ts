import type { clientServer } from '@candor/spec';
import { sendEvent } from '../../../rooms/send-event.ts';
import type { Handler } from '../../handler.ts';

export const redactEvent: Handler<typeof clientServer.redactEvent> = async (
  context,
  { params, body, caller },
) => {
  const { roomId, eventId: redacts, txnId } = params;
  const { userId, deviceId } = caller;
  const { eventId } = await sendEvent(context, {
    roomId,
    sender: userId,
    type: 'm.room.redaction',
    redacts,
    content: body.reason === undefined ? {} : { reason: body.reason },
    txn: { deviceId, txnKey: `redactEvent ${roomId} ${redacts}`, txnId },
  });
  return { event_id: eventId };
};
