import type { Context } from '../context.ts';
import { leaveRoom } from '../rooms/leave-room.ts';
import { deactivateAccountRows } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { readDevices } from '../storage/devices.ts';
import { readClosedInRooms, readRoomsOfUser } from '../storage/memberships.ts';
import { removeDevicesIn } from './remove-devices.ts';

/**
 * Closes an account for good: no session, no password, no profile; the user id stays taken. The user leaves all
 * rooms; a room that cannot be left is logged and tried again at the next start.
 */
// https://spec.matrix.org/v1.19/client-server-api/#account-deactivation
export const closeAccount = async (
  context: Context,
  userId: string,
  { isErased }: { readonly isErased: boolean },
): Promise<void> => {
  const { db, now } = context;
  await transact(db, async (tx) => {
    const devices = await readDevices(tx, userId);
    const deviceIds = devices.map(({ deviceId }) => deviceId);
    await removeDevicesIn(tx, userId, deviceIds);
    await deactivateAccountRows(tx, userId, isErased, now());
  });
  await leaveRooms(context, userId);
};

const leaveRooms = async (context: Context, userId: string): Promise<void> => {
  const { db, log } = context;
  for (const { roomId } of await readRoomsOfUser(db, userId, ['join', 'invite', 'knock'])) {
    await leaveRoom(context, { roomId, sender: userId }).catch((err: unknown) =>
      log.warn({ err, roomId, userId }, 'a room of a closed account was not left'),
    );
  }
};

/** Goes on where the process ended while closed accounts left their rooms, and with rooms that could not be left then. */
export const leaveRoomsOfClosed = async (context: Context, signal: AbortSignal): Promise<void> => {
  for (const userId of await readClosedInRooms(context.db)) {
    if (signal.aborted) return;
    await leaveRooms(context, userId);
  }
};
