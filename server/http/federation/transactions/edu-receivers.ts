import { receiveDeviceListUpdate } from '../../../devices/receive-device-list-update.ts';
import { receiveDirectToDevice } from '../../../devices/receive-direct-to-device.ts';
import { receiveSigningKeyUpdate } from '../../../devices/receive-signing-key-update.ts';
import type { EduReceiver } from '../../../peers/receive-edu.ts';
import { receivePresence } from '../../../presence/receive-presence.ts';
import { receiveReceipts } from '../../../rooms/receive-receipts.ts';
import { receiveTyping } from '../../../rooms/set-typing.ts';

/** Who takes in which EDUs; others are ignored. */
// https://spec.matrix.org/v1.19/server-server-api/#edus
export const eduReceivers: ReadonlyMap<string, EduReceiver> = new Map([
  ['m.device_list_update', receiveDeviceListUpdate],
  ['m.direct_to_device', receiveDirectToDevice],
  ['m.presence', receivePresence],
  ['m.receipt', receiveReceipts],
  ['m.signing_key_update', receiveSigningKeyUpdate],
  ['m.typing', receiveTyping],
]);
