import type { Context } from '../context.ts';
import { announceDevices } from '../devices/announce-devices.ts';
import { type Tx, transact } from '../storage/database.ts';
import { deleteDeviceRows } from '../storage/devices.ts';

/** Inside a transaction of the caller: ends the devices' sessions and deletes what was theirs. */
export const removeDevicesIn = async (
  tx: Tx,
  userId: string,
  deviceIds: readonly string[],
): Promise<void> => {
  if (deviceIds.length === 0) return;
  const removed = await deleteDeviceRows(tx, userId, deviceIds);
  for (const deviceId of removed) {
    tx.tell({ kind: 'sessionEnded', userId, deviceId, wakes: [userId] });
  }
  await announceDevices(tx, userId, removed);
};

/** Ends devices of a user: their tokens, keys and waiting messages go with them, and others hear of it. */
export const removeDevices = (
  { db }: Context,
  userId: string,
  deviceIds: readonly string[],
): Promise<void> => transact(db, (tx) => removeDevicesIn(tx, userId, deviceIds));
