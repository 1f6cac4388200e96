import { isObject } from '@candor/federation';
import { isEventId, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import type { Receipt } from '../notifier.ts';
import { transact } from '../storage/database.ts';
import { moveReceiptIn } from './move-receipt.ts';
import type { Room } from './room.ts';

// https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts
const isThreadId = (value: unknown): value is string =>
  typeof value === 'string' && (value === 'main' || isEventId(value));

/** Takes what is in order; the rest is left alone. */
const readReceipt = (userId: string, value: unknown): Receipt | undefined => {
  if (!isObject(value) || !isObject(value['data']) || !Array.isArray(value['event_ids'])) {
    return undefined;
  }
  const [eventId] = value['event_ids'] as unknown[];
  const { ts, thread_id: threadId } = value['data'];
  if (typeof eventId !== 'string' || !isEventId(eventId) || !Number.isSafeInteger(ts)) {
    return undefined;
  }
  if (threadId !== undefined && !isThreadId(threadId)) return undefined;
  const at = Math.max(0, Number(ts));
  return { userId, type: 'm.read', eventId, at, ...(threadId !== undefined && { threadId }) };
};

const receiptsOf = (room: Room, origin: string, value: unknown): Receipt[] => {
  const users = isObject(value) ? value['m.read'] : undefined;
  if (!isObject(users)) return [];
  return Object.entries(users).flatMap(([userId, receipt]) =>
    serverNameOf(userId) === origin && room.joined.has(userId)
      ? (readReceipt(userId, receipt) ?? [])
      : [],
  );
};

/** Takes in an `m.receipt` of another server, which speaks for its own users in rooms they are in. */
// https://spec.matrix.org/v1.19/server-server-api/#receipts
export const receiveReceipts = async (
  context: Context,
  origin: string,
  content: unknown,
): Promise<void> => {
  if (!isObject(content)) return;
  for (const [roomId, value] of Object.entries(content)) {
    const room = await context.rooms.get(roomId);
    const receipts = room?.isResident ? receiptsOf(room, origin, value) : [];
    if (!room || receipts.length === 0) continue;
    await transact(context.db, async (tx) => {
      for (const receipt of receipts) await moveReceiptIn(context, tx, room, receipt);
    });
  }
};
