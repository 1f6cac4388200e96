import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

export type Device = {
  readonly deviceId: string;
  readonly displayName: string | undefined;
  readonly lastSeenAt: number | undefined;
  readonly lastSeenAddress: string | undefined;
};

type Row = {
  device_id: string;
  display_name: string | null;
  last_seen_at: number | null;
  last_seen_ip: string | null;
};

const columns = ['device_id', 'display_name', 'last_seen_at', 'last_seen_ip'] as const;

const toDevice = (row: Row): Device => ({
  deviceId: row.device_id,
  displayName: row.display_name ?? undefined,
  lastSeenAt: row.last_seen_at ?? undefined,
  lastSeenAddress: row.last_seen_ip ?? undefined,
});

export const readDevices = async ({ sql }: Db, userId: string): Promise<readonly Device[]> => {
  const rows = await sql
    .selectFrom('devices')
    .select(columns)
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('device_id')
    .execute();
  return rows.map(toDevice);
};

export const readDevice = async (
  { sql }: Db,
  userId: string,
  deviceId: string,
): Promise<Device | undefined> => {
  const row = await sql
    .selectFrom('devices')
    .select(columns)
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst();
  return row && toDevice(row);
};

/** Where the user's devices were last used from. */
export const readDeviceAddresses = async (
  { sql }: Db,
  userId: string,
): Promise<readonly string[]> => {
  const rows = await sql
    .selectFrom('devices')
    .select('last_seen_ip')
    .where('user_id', '=', userId)
    .where('last_seen_ip', 'is not', null)
    .execute();
  return rows.flatMap(({ last_seen_ip }) => last_seen_ip ?? []);
};

/** Makes the device; one that is there already stays as it is. Says whether it is new. */
export const insertDevice = async (
  { sql }: Tx,
  userId: string,
  deviceId: string,
  displayName: string | undefined,
  now: number,
): Promise<boolean> => {
  const { numInsertedOrUpdatedRows } = await sql
    .insertInto('devices')
    .values({
      user_id: userId,
      device_id: deviceId,
      display_name: displayName ?? null,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
};

/** Leaves the name when none is given. Says whether there is such a device. */
export const renameDevice = async (
  { sql }: Tx,
  userId: string,
  deviceId: string,
  displayName: string | undefined,
): Promise<boolean> => {
  if (displayName === undefined) return (await readDevice({ sql }, userId, deviceId)) !== undefined;
  const { numUpdatedRows } = await sql
    .updateTable('devices')
    .set({ display_name: displayName })
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** What is keyed by a device and dies with it; tokens go by their foreign key. */
const tablesOfDevices = [
  'device_keys',
  'one_time_keys',
  'fallback_keys',
  'to_device_messages',
  'sent_transactions',
] as const;

/** Removes devices with their tokens, keys and waiting messages, and gives the ids of those that were there. */
export const deleteDeviceRows = async (
  { sql }: Tx,
  userId: string,
  deviceIds: readonly string[],
): Promise<readonly string[]> => {
  const isOneOf = raw<string>`ANY(${deviceIds})`;
  // The devices first: who writes for one of them holds its row, so nothing is written once it is gone.
  const rows = await sql
    .deleteFrom('devices')
    .where('user_id', '=', userId)
    .where('device_id', '=', isOneOf)
    .returning('device_id')
    .execute();
  for (const table of tablesOfDevices) {
    await sql
      .deleteFrom(table)
      .where('user_id', '=', userId)
      .where('device_id', '=', isOneOf)
      .execute();
  }
  await sql
    .deleteFrom('key_signatures')
    .where('user_id', '=', userId)
    .where('signed_key', '=', isOneOf)
    .execute();
  return rows.map(({ device_id }) => device_id);
};

export type SeenDevice = {
  readonly userId: string;
  readonly deviceId: string;
  readonly at: number;
  readonly address: string;
  readonly agent: string | undefined;
};

export const writeLastSeen = async ({ sql }: Tx, seen: readonly SeenDevice[]): Promise<void> => {
  await raw`
    UPDATE devices SET last_seen_at = s.at, last_seen_ip = s.ip, last_seen_agent = s.agent
    FROM unnest(
      ${seen.map(({ userId }) => userId)}::text[],
      ${seen.map(({ deviceId }) => deviceId)}::text[],
      ${seen.map(({ at }) => at)}::bigint[],
      ${seen.map(({ address }) => address)}::text[],
      ${seen.map(({ agent }) => agent ?? null)}::text[]
    ) AS s (user_id, device_id, at, ip, agent)
    WHERE devices.user_id = s.user_id AND devices.device_id = s.device_id`.execute(sql);
};
