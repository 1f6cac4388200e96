import { type Database, transact } from '../storage/database.ts';
import { lockDeviceList } from '../storage/device-lists.ts';
import { type RemoteDeviceList, writeRemoteDeviceList } from '../storage/remote-devices.ts';
import type { UserKeys } from './user-keys.ts';

/** Stores what was fetched of users of one server who share a room with us. */
export const storeRemoteKeys = (
  db: Database,
  users: ReadonlyMap<string, UserKeys>,
  asOf: Pick<RemoteDeviceList, 'streamId' | 'heldSince'>,
): Promise<void> =>
  transact(db, async (tx) => {
    // In one order, so that no two wait for each other.
    for (const [userId, keys] of [...users].sort(([a], [b]) => (a < b ? -1 : 1))) {
      // An update that comes in at the same time goes before or after, not between.
      await lockDeviceList(tx, userId);
      await writeRemoteDeviceList(tx, userId, {
        ...asOf,
        devices: [...keys.devices].map(([deviceId, device]) => ({
          deviceId,
          displayName: device.displayName,
          keys: JSON.stringify(device.keys),
        })),
        crossSigning: [...keys.crossSigning].map(([usage, key]) => ({
          usage,
          keys: JSON.stringify(key),
        })),
      });
    }
  });
