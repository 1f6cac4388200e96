import type { Context } from '../context.ts';
import { leaveRoom } from '../rooms/leave-room.ts';
import { deactivateAccountRows } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { readDevices } from '../storage/devices.ts';
import { readRoomsOfUser } from '../storage/memberships.ts';
import { removeDevicesIn } from './remove-devices.ts';

/**
 * Closes an account for good: no session, no password, no profile; the user id stays taken. The user leaves all
 * rooms; a room that cannot be left is logged and passed over.
 */
// https://spec.matrix.org/v1.19/client-server-api/#account-deactivation
export const closeAccount = async (
  context: Context,
  userId: string,
  { isErased }: { readonly isErased: boolean },
): Promise<void> => {
  const { db, log, now } = context;
  await transact(db, async (tx) => {
    const devices = await readDevices(tx, userId);
    const deviceIds = devices.map(({ deviceId }) => deviceId);
    await removeDevicesIn(tx, userId, deviceIds);
    await deactivateAccountRows(tx, userId, isErased, now());
  });
  for (const { roomId } of await readRoomsOfUser(db, userId, ['join', 'invite', 'knock'])) {
    await leaveRoom(context, { roomId, sender: userId }).catch((err: unknown) =>
      log.warn({ err, roomId, userId }, 'a room of a closed account was not left'),
    );
  }
};
