import type { JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import type { DeviceName } from '../storage/one-time-keys.ts';
import { queueEdu } from '../storage/queue-edu.ts';
import { rememberSentToDevice } from '../storage/to-device-once.ts';
import { byServer } from './by-server.ts';
import { canonicalText } from './canonical-text.ts';
import { deliverToDevice, isDeliverable, type ToDeviceBatch } from './deliver-to-device.ts';

type Messages = Record<string, Record<string, unknown>>;

/** Messages for users of one server, cut into parts that each fit into an EDU. */
const inParts = (userIds: readonly string[], messages: ToDeviceBatch['messages']): Messages[] => {
  const parts: Messages[] = [];
  let part: Messages = {};
  let bytes = 0;
  for (const userId of userIds) {
    for (const [deviceId, content] of Object.entries(messages[userId] ?? {})) {
      const size = Buffer.byteLength(JSON.stringify([userId, deviceId, content]));
      if (bytes === 0 || bytes + size > limits.toDeviceEduBytesMax) {
        part = {};
        parts.push(part);
        bytes = 0;
      }
      bytes += size;
      part[userId] = Object.fromEntries([
        ...Object.entries(part[userId] ?? {}),
        [deviceId, content],
      ]);
    }
  }
  return parts;
};

const refusalOf = (content: unknown): MatrixError =>
  canonicalText(content, Number.POSITIVE_INFINITY) === undefined
    ? new MatrixError(
        'M_BAD_JSON',
        'A message has a float, a number too large, or is nested too deep',
      )
    : new MatrixError('M_TOO_LARGE', 'A message is too long');

/**
 * Sends messages to devices here and on other servers; the same transaction id a second time does nothing.
 * Throws M_TOO_LARGE when a message does not fit into one EDU, M_BAD_JSON when it cannot be signed.
 */
// https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid
export const sendToDevices = async (
  { config, db, federation, now, randomBytes }: Context,
  device: DeviceName,
  txnId: string,
  { type, messages }: Omit<ToDeviceBatch, 'sender'>,
): Promise<void> => {
  const contents = Object.values(messages).flatMap((devices) => Object.values(devices));
  const unfit = contents.find((content) => !isDeliverable(content));
  if (unfit !== undefined) throw refusalOf(unfit);
  const sender = device.userId;
  const { local, remote } = byServer(Object.keys(messages), config.serverName);
  await transact(db, async (tx) => {
    const txnKey = `sendToDevice ${type} ${txnId}`;
    if (!(await rememberSentToDevice(tx, device, txnKey, now()))) return;
    await deliverToDevice(tx, local, { sender, type, messages });
    for (const [server, userIds] of remote) {
      if (!federation.isAllowed(server)) continue;
      for (const part of inParts(userIds, messages)) {
        const message_id = randomBytes(16).toString('base64url');
        const content = { sender, type, message_id, messages: part as JsonObject };
        await queueEdu(tx, [server], { edu_type: 'm.direct_to_device', content });
      }
    }
  });
};
