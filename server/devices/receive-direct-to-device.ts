import { eduContent, isUserId, limits, serverNameOf } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import { rememberReceivedToDevice } from '../storage/to-device-once.ts';
import { byServer } from './by-server.ts';
import { deliverToDevice } from './deliver-to-device.ts';

const schema = Compile(eduContent['m.direct_to_device']);

/** Takes an `m.direct_to_device` from another server, each message id once; what is malformed or spoofed is ignored. */
// https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging
export const receiveDirectToDevice = async (
  { config, db, now }: Context,
  origin: string,
  content: unknown,
): Promise<void> => {
  if (!schema.Check(content)) return;
  const { sender, type, message_id: messageId, messages } = content;
  if (!isUserId(sender) || serverNameOf(sender) !== origin) return;
  const { local } = byServer(Object.keys(messages), config.serverName);
  if (local.length === 0) return;
  await transact(db, async (tx) => {
    const keptMs = limits.toDeviceMessageIdsKeptMs;
    if (!(await rememberReceivedToDevice(tx, origin, messageId, now(), keptMs))) return;
    await deliverToDevice(tx, local, { sender, type, messages });
  });
};
