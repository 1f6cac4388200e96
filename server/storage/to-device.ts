import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { DeviceName } from './one-time-keys.ts';
import { readJson } from './spoiled-rows.ts';
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

/**
 * Messages that wait for a device behind `after`, up to and with `upTo`, in the order of their arrival. Fewer than the
 * limit only when there are no more: where a row cannot be read, the next one takes its place.
 */
export const toDeviceAfter = async (
  { sql }: Db,
  userId: string,
  deviceId: string,
  after: StreamPosition,
  upTo: StreamPosition,
  limit: number,
): Promise<readonly ToDeviceMessage[]> => {
  const messages: ToDeviceMessage[] = [];
  let from = after;
  for (;;) {
    const wanted = limit - messages.length;
    const rows = await sql
      .selectFrom('to_device_messages')
      .select(['position', 'message'])
      .where('user_id', '=', userId)
      .where('device_id', '=', deviceId)
      .where('position', '>', from)
      .where('position', '<=', upTo)
      .orderBy('position')
      .limit(wanted)
      .execute();
    for (const row of rows) {
      const name = { table: 'to_device_messages', row: `${row.position}` } as const;
      if (readJson(row.message, name) !== undefined) messages.push(row);
    }
    const last = rows.at(-1);
    if (!last || rows.length < wanted || messages.length === limit) return messages;
    from = last.position;
  }
};

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
