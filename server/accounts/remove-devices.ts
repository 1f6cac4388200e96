import type { Context } from '../context.ts';
import { type Tx, transact } from '../storage/database.ts';
import { deleteDeviceRows } from '../storage/devices.ts';

/** Inside a transaction of the caller: ends the devices' sessions and deletes what was theirs. */
export const removeDevicesIn = async (
  tx: Tx,
  userId: string,
  deviceIds: readonly string[],
): Promise<void> => {
  if (deviceIds.length === 0) return;
  await deleteDeviceRows(tx, userId, deviceIds);
  for (const deviceId of deviceIds) {
    tx.tell({ kind: 'sessionEnded', userId, deviceId, wakes: [userId] });
  }
  tx.tell({ kind: 'deviceList', userId, wakes: [userId] });
};

/** Ends devices of a user: their tokens, keys and waiting messages go with them, and others hear of it. */
export const removeDevices = (
  { db }: Context,
  userId: string,
  deviceIds: readonly string[],
): Promise<void> => transact(db, (tx) => removeDevicesIn(tx, userId, deviceIds));
