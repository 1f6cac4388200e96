import { sql } from 'kysely';
import type { Receipt } from '../notifier.ts';
import type { Db, Tx } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

export type ReceiptInRoom = Receipt & { readonly roomNid: number };

type Row = {
  readonly room_nid: number;
  readonly user_id: string;
  readonly receipt_type: string;
  readonly thread_id: string;
  readonly event_id: string;
  readonly received_at: number;
};

const receiptOf = (row: Row): ReceiptInRoom => ({
  roomNid: row.room_nid,
  userId: row.user_id,
  type: row.receipt_type,
  eventId: row.event_id,
  at: row.received_at,
  ...(row.thread_id !== '' && { threadId: row.thread_id }),
});

/** Receipts of rooms that moved after one stream position and up to another, private ones of everybody too. */
export const readReceipts = async (
  db: Db,
  roomNids: readonly number[],
  after: StreamPosition,
  upTo: StreamPosition,
): Promise<readonly ReceiptInRoom[]> => {
  const rows = await db.sql
    .selectFrom('receipts')
    .select(['room_nid', 'user_id', 'receipt_type', 'thread_id', 'event_id', 'received_at'])
    .where('room_nid', '=', sql<number>`any(${roomNids}::int[])`)
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .orderBy('position')
    .execute();
  return rows.map(receiptOf);
};

export type UserInRoom = { readonly roomNid: number; readonly userId: string };

/** The receipts of users in rooms, for each pair its own. */
export const readReceiptsOfUsers = async (
  db: Db,
  wanted: readonly UserInRoom[],
): Promise<readonly (readonly ReceiptInRoom[])[]> => {
  const { rows } = await sql<Row & { readonly index: number }>`
    SELECT w.index::int AS index, r.room_nid, r.user_id, r.receipt_type, r.thread_id, r.event_id,
      r.received_at
    FROM unnest(
      ${wanted.map(({ roomNid }) => roomNid)}::int[], ${wanted.map(({ userId }) => userId)}::text[]
    ) WITH ORDINALITY AS w (room_nid, user_id, index)
    JOIN receipts r ON r.room_nid = w.room_nid AND r.user_id = w.user_id`.execute(db.sql);
  const found: ReceiptInRoom[][] = wanted.map(() => []);
  for (const row of rows) found[row.index - 1]?.push(receiptOf(row));
  return found;
};

/** Moves a receipt; false when it stands at that event already. */
export const writeReceipt = async (
  tx: Tx,
  receipt: ReceiptInRoom,
  position: StreamPosition,
): Promise<boolean> => {
  const { numAffectedRows } = await sql`
    INSERT INTO receipts
      (room_nid, user_id, receipt_type, thread_id, event_id, received_at, position)
    VALUES (${receipt.roomNid}, ${receipt.userId}, ${receipt.type}, ${receipt.threadId ?? ''},
      ${receipt.eventId}, ${receipt.at}, ${position})
    ON CONFLICT (room_nid, user_id, receipt_type, thread_id) DO UPDATE
    SET event_id = excluded.event_id, received_at = excluded.received_at,
      position = excluded.position
    WHERE receipts.event_id <> excluded.event_id`.execute(tx.sql);
  return numAffectedRows !== 0n;
};
