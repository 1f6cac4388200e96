import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

export type DeviceKeysRow = {
  readonly userId: string;
  readonly deviceId: string;
  /** As the device signed them, in canonical JSON, with signatures of its owner only. */
  readonly keys: string;
  readonly displayName: string | undefined;
};

/** Published keys of the devices of users, local ones and held remote ones. */
export const readDeviceKeys = async (
  { sql }: Db,
  userIds: readonly string[],
): Promise<readonly DeviceKeysRow[]> => {
  const { rows } = await raw<{
    user_id: string;
    device_id: string;
    keys: string;
    display_name: string | null;
  }>`
    SELECT user_id, device_id, keys, display_name
    FROM device_keys JOIN devices USING (user_id, device_id)
    WHERE user_id = ANY(${userIds})
    UNION ALL
    SELECT user_id, device_id, keys, display_name FROM remote_devices
    WHERE user_id = ANY(${userIds})`.execute(sql);
  return rows.map((row) => ({
    userId: row.user_id,
    deviceId: row.device_id,
    keys: row.keys,
    displayName: row.display_name ?? undefined,
  }));
};

/** Devices of a local user that have not published keys. */
export const readDevicesWithoutKeys = async (
  { sql }: Db,
  userId: string,
): Promise<readonly string[]> => {
  const { rows } = await raw<{ device_id: string }>`
    SELECT device_id FROM devices LEFT JOIN device_keys USING (user_id, device_id)
    WHERE user_id = ${userId} AND keys IS NULL`.execute(sql);
  return rows.map(({ device_id }) => device_id);
};

/** Writes the keys of a local device; false when they were the same before. Signatures over other keys are forgotten. */
export const writeDeviceKeys = async (
  { sql }: Tx,
  userId: string,
  deviceId: string,
  keys: string,
): Promise<boolean> => {
  const { numInsertedOrUpdatedRows } = await sql
    .insertInto('device_keys')
    .values({ user_id: userId, device_id: deviceId, keys })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'device_id'])
        .doUpdateSet({ keys })
        .where('device_keys.keys', '<>', keys),
    )
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n) return false;
  await sql
    .deleteFrom('key_signatures')
    .where('user_id', '=', userId)
    .where('signed_key', '=', deviceId)
    .execute();
  return true;
};
