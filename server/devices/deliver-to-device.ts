import { isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { metrics } from '../metrics.ts';
import type { Tx } from '../storage/database.ts';
import { holdDevices } from '../storage/hold-devices.ts';
import { insertToDevice } from '../storage/to-device.ts';
import { canonicalText } from './canonical-text.ts';

/** One message type by one sender; user id → device id or `*` → content. */
export type ToDeviceBatch = {
  readonly sender: string;
  readonly type: string;
  readonly messages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** Stands for every device of a user. */
const everyDevice = '*';

/** A content that fits into one message and can travel: what cannot be signed would hold up all that is meant for its server. */
export const isDeliverable = (content: unknown): content is JsonObject =>
  isObject(content) && canonicalText(content, limits.toDeviceMessageBytesMax) !== undefined;

/** Queues messages for the devices of these local users, each until its device has acknowledged it. What is meant for a device that is not there, or for which too much waits, is dropped and counted. */
// https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging
export const deliverToDevice = async (
  tx: Tx,
  localUserIds: readonly string[],
  { sender, type, messages }: ToDeviceBatch,
): Promise<void> => {
  if (localUserIds.length === 0) return;
  const rows = (await holdDevices(tx, localUserIds)).flatMap(({ userId, deviceId }) => {
    const contents = messages[userId] ?? {};
    const name = Object.hasOwn(contents, deviceId) ? deviceId : everyDevice;
    const content = Object.hasOwn(contents, name) ? contents[name] : undefined;
    if (!isDeliverable(content)) return [];
    const position = tx.tell({ kind: 'toDevice', userId, deviceId, wakes: [userId] });
    return [{ userId, deviceId, position, message: JSON.stringify({ type, sender, content }) }];
  });
  if (rows.length === 0) return;
  const refused = await insertToDevice(tx, rows, limits.toDeviceMessagesPerDeviceMax);
  if (refused > 0) metrics.toDeviceRefused.inc(refused);
};
