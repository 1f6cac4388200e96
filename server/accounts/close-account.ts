import type { Context } from '../context.ts';
import { deactivateAccountRows } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { readDevices } from '../storage/devices.ts';
import { removeDevicesIn } from './remove-devices.ts';

/** Closes an account for good: no session, no password, no profile; the user id stays taken. */
// https://spec.matrix.org/v1.19/client-server-api/#account-deactivation
export const closeAccount = async (
  { db, now }: Context,
  userId: string,
  { isErased }: { readonly isErased: boolean },
): Promise<void> =>
  transact(db, async (tx) => {
    const devices = await readDevices(tx, userId);
    await removeDevicesIn(
      tx,
      userId,
      devices.map(({ deviceId }) => deviceId),
    );
    await deactivateAccountRows(tx, userId, isErased, now());
  });
