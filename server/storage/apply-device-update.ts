import type { Db, Tx } from './database.ts';

export type DeviceUpdate = {
  readonly deviceId: string;
  readonly streamId: number;
  readonly previous: readonly number[];
  /** Undefined for a device that is gone, or has no keys. */
  readonly keys: string | undefined;
  readonly displayName: string | undefined;
};

export type UpdateOutcome =
  /** Nobody has asked for the user's keys yet. */
  | 'notHeld'
  /** It was applied before. */
  | 'known'
  | 'applied'
  /** One before it is missing: the list is stale from now on. */
  | 'gap';

const markStale = async ({ sql }: Tx, userId: string): Promise<void> => {
  await sql
    .updateTable('remote_device_lists')
    .set({ is_stale: true })
    .where('user_id', '=', userId)
    .execute();
};

/** Applies an update to the stored list of a remote user when it follows the newest one; the list must be locked. */
export const applyDeviceUpdate = async (
  tx: Tx,
  userId: string,
  update: DeviceUpdate,
): Promise<UpdateOutcome> => {
  const { deviceId, streamId, keys } = update;
  const list = await tx.sql
    .selectFrom('remote_device_lists')
    .select(['stream_id', 'is_stale'])
    .where('user_id', '=', userId)
    .executeTakeFirst();
  if (!list) return 'notHeld';
  if (!list.is_stale && list.stream_id === streamId) return 'known';
  const follows =
    update.previous.length > 0 && update.previous.every((id) => id === list.stream_id);
  if (list.is_stale || !follows) {
    await markStale(tx, userId);
    return 'gap';
  }
  await tx.sql
    .deleteFrom('remote_devices')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .execute();
  if (keys !== undefined) {
    const display_name = update.displayName ?? null;
    const row = { user_id: userId, device_id: deviceId, display_name, keys };
    await tx.sql.insertInto('remote_devices').values(row).execute();
  }
  await tx.sql
    .updateTable('remote_device_lists')
    .set({ stream_id: streamId })
    .where('user_id', '=', userId)
    .execute();
  return 'applied';
};

/** Whether a list of this remote user is stored, be it a stale one. */
export const hasRemoteDeviceList = async ({ sql }: Db, userId: string): Promise<boolean> => {
  const row = await sql
    .selectFrom('remote_device_lists')
    .select('user_id')
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
};
