import type { JsonObject } from '@candor/federation';
import { type Database, type Tx, transact } from '../storage/database.ts';
import { readDevicesWithoutKeys } from '../storage/device-keys.ts';
import { lockDeviceList, writeDeviceListChange } from '../storage/device-lists.ts';
import { hasNewSharingServers } from '../storage/new-sharing-servers.ts';
import { queueEdu } from '../storage/queue-edu.ts';
import { readSharingLocalUsers, readSharingServers } from '../storage/shared-rooms.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { addSignatures, readUserKeys } from './user-keys.ts';

/** Tells the local users who share a room with a user, and the user, that keys changed; the list must be locked. */
export const tellDeviceList = async (tx: Tx, userId: string): Promise<StreamPosition> => {
  const wakes = new Set(await readSharingLocalUsers(tx, userId));
  const position = tx.tell({ kind: 'deviceList', userId, wakes: wakes.add(userId) });
  await writeDeviceListChange(tx, userId, { position });
  return position;
};

/** Queues one numbered update for each device, to every server that shares a room with the user. */
// https://spec.matrix.org/v1.19/server-server-api/#device-management
const queueUpdates = async (
  tx: Tx,
  userId: string,
  deviceIds: readonly string[],
): Promise<void> => {
  let streamId = await lockDeviceList(tx, userId);
  const servers = await readSharingServers(tx, userId);
  const users = await readUserKeys(tx, [userId]);
  await addSignatures(tx, users, undefined);
  for (const deviceId of deviceIds) {
    const device = users.get(userId)?.devices.get(deviceId);
    const content: JsonObject = {
      user_id: userId,
      device_id: deviceId,
      stream_id: streamId + 1,
      prev_id: streamId === 0 ? [] : [streamId],
      ...(device ? { keys: device.keys } : { deleted: true }),
      ...(device?.displayName !== undefined && { device_display_name: device.displayName }),
    };
    await queueEdu(tx, servers, { edu_type: 'm.device_list_update', content });
    streamId += 1;
  }
  await writeDeviceListChange(tx, userId, { streamId });
};

/** Call it after devices of a local user changed or went, inside the transaction; those that never published keys are no news. */
export const announceDevices = async (
  tx: Tx,
  userId: string,
  deviceIds: readonly string[],
): Promise<void> => {
  if (deviceIds.length === 0) return;
  const unpublished = new Set(await readDevicesWithoutKeys(tx, userId));
  const news = deviceIds.filter((deviceId) => !unpublished.has(deviceId));
  if (news.length === 0) return;
  await queueUpdates(tx, userId, news);
  await tellDeviceList(tx, userId);
};

/**
 * Call it when a local user has joined a room: servers that shared none with the user before get an update whose
 * predecessor they do not know, which makes them fetch the whole list.
 */
export const shareDeviceList = async (
  db: Database,
  userId: string,
  roomId: string,
): Promise<void> => {
  const users = await readUserKeys(db, [userId]);
  const [deviceId] = users.get(userId)?.devices.keys() ?? [];
  if (deviceId === undefined || !(await hasNewSharingServers(db, userId, roomId))) return;
  await transact(db, (tx) => queueUpdates(tx, userId, [deviceId]));
};
