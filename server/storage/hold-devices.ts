import { sql as raw } from 'kysely';
import type { Tx } from './database.ts';
import type { DeviceName } from './one-time-keys.ts';

/** The devices of local users, held so that none is removed before the transaction ends. */
export const holdDevices = async (
  { sql }: Tx,
  userIds: readonly string[],
): Promise<readonly DeviceName[]> => {
  const rows = await sql
    .selectFrom('devices')
    .select(['user_id', 'device_id'])
    .where('user_id', '=', raw<string>`ANY(${userIds})`)
    .orderBy('user_id')
    .orderBy('device_id')
    .forKeyShare()
    .execute();
  return rows.map((row) => ({ userId: row.user_id, deviceId: row.device_id }));
};

/** Holds one device for a change of its keys, one change at a time; false when there is no such device. */
export const holdDevice = async (
  { sql }: Tx,
  { userId, deviceId }: DeviceName,
): Promise<boolean> => {
  const row = await sql
    .selectFrom('devices')
    .select('device_id')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row !== undefined;
};
