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

/** Which of these devices of a local user have published keys. */
export const readPublishedDeviceIds = async (
  { sql }: Db,
  userId: string,
  deviceIds: readonly string[],
): Promise<readonly string[]> => {
  const rows = await sql
    .selectFrom('device_keys')
    .select('device_id')
    .where('user_id', '=', userId)
    .where('device_id', '=', raw<string>`ANY(${deviceIds})`)
    .execute();
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
