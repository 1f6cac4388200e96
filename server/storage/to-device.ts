import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { DeviceName } from './one-time-keys.ts';
import type { StreamPosition } from './stream-clock.ts';

export type ToDeviceMessage = {
  readonly position: StreamPosition;
  /** JSON of `type`, `sender` and `content`, as /sync gives it. */
  readonly message: string;
};

/** Queues messages, but none for a device for which `perDeviceMax` wait already; says how many were refused. */
export const insertToDevice = async (
  { sql }: Tx,
  messages: readonly (DeviceName & ToDeviceMessage)[],
  perDeviceMax: number,
): Promise<number> => {
  const { numAffectedRows = 0n } = await raw`
    INSERT INTO to_device_messages (user_id, device_id, position, message)
    SELECT * FROM unnest(
      ${messages.map(({ userId }) => userId)}::text[],
      ${messages.map(({ deviceId }) => deviceId)}::text[],
      ${messages.map(({ position }) => position)}::bigint[],
      ${messages.map(({ message }) => message)}::text[]
    ) AS new (user_id, device_id, position, message)
    WHERE NOT EXISTS (
      SELECT FROM to_device_messages w
      WHERE w.user_id = new.user_id AND w.device_id = new.device_id
      OFFSET ${perDeviceMax - 1}
    )`.execute(sql);
  return messages.length - Number(numAffectedRows);
};

/** Messages that wait for a device behind `after`, up to and with `upTo`, in the order of their arrival. */
export const toDeviceAfter = async (
  { sql }: Db,
  userId: string,
  deviceId: string,
  after: StreamPosition,
  upTo: StreamPosition,
  limit: number,
): Promise<readonly ToDeviceMessage[]> =>
  sql
    .selectFrom('to_device_messages')
    .select(['position', 'message'])
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .orderBy('position')
    .limit(limit)
    .execute();

/** Forgets the messages that the device has acknowledged; says how many. */
export const deleteToDeviceUpTo = async (
  { sql }: Tx,
  userId: string,
  deviceId: string,
  upTo: StreamPosition,
): Promise<number> => {
  const { numDeletedRows } = await sql
    .deleteFrom('to_device_messages')
    .where('user_id', '=', userId)
    .where('device_id', '=', deviceId)
    .where('position', '<=', upTo)
    .executeTakeFirst();
  return Number(numDeletedRows);
};
