import type { clientServer } from '@candor/spec';
import { sendToDevices } from '../../../devices/send-to-device.ts';
import type { Handler } from '../../handler.ts';

export const sendToDevice: Handler<typeof clientServer.sendToDevice> = async (
  context,
  { caller, params, body },
) => {
  const { eventType: type, txnId } = params;
  await sendToDevices(context, caller, txnId, { type, messages: body.messages });
  return {};
};
