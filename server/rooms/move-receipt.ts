import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { Receipt } from '../notifier.ts';
import { type Tx, transact } from '../storage/database.ts';
import { queueEdu } from '../storage/queue-edu.ts';
import { readReceiptsOfUsers, writeReceipt } from '../storage/receipts.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { Room } from './room.ts';
import { isInThread } from './thread-of.ts';

type ReceiptContext = Pick<Context, 'config' | 'db' | 'rooms' | 'now'>;

export type ReceiptToMove = {
  readonly userId: string;
  readonly roomId: string;
  readonly type: 'm.read' | 'm.read.private';
  readonly eventId: string;
  readonly threadId?: string | undefined;
};

const isPrivate = ({ type }: Receipt): boolean => type === 'm.read.private';

/** The event, where it is one of the room's that may be read. Throws M_NOT_FOUND. */
export const readableEvent = async (
  { rooms }: Pick<Context, 'rooms'>,
  room: Room,
  eventId: string,
): Promise<StoredEvent> => {
  const stored = await rooms.events.loadOne(eventId);
  if (stored?.roomNid !== room.roomNid || stored.rejectedFor !== null || stored.isSoftFailed) {
    throw new MatrixError('M_NOT_FOUND', 'there is no such event in the room');
  }
  return stored;
};

/** A receipt never goes back: it says up to where everything is read. */
const isAhead = async (
  { rooms }: ReceiptContext,
  receipt: Receipt,
  target: StoredEvent | undefined,
  known: readonly Receipt[],
): Promise<boolean> => {
  const before = known.find(
    ({ type, threadId }) => type === receipt.type && threadId === receipt.threadId,
  );
  if (!before) return true;
  if (before.eventId === receipt.eventId) return false;
  const stored = await rooms.events.loadOne(before.eventId);
  // Where one of the two is not here, nothing is known of their order.
  return (stored?.position ?? 0) <= (target?.position ?? Number.POSITIVE_INFINITY);
};

/** Inside a transaction of the caller: moves a receipt unless that would be back. Says whether it moved. */
export const moveReceiptIn = async (
  context: ReceiptContext,
  tx: Tx,
  room: Room,
  receipt: Receipt,
): Promise<boolean> => {
  const { userId } = receipt;
  const [known = []] = await readReceiptsOfUsers(tx, [{ roomNid: room.roomNid, userId }]);
  const target = await context.rooms.events.loadOne(receipt.eventId);
  if (!(await isAhead(context, receipt, target, known))) return false;
  const wakes = isPrivate(receipt) ? [receipt.userId] : [...room.localUsers];
  const position = tx.tell({ kind: 'receipt', roomId: room.roomId, ...receipt, wakes });
  await writeReceipt(tx, { ...receipt, roomNid: room.roomNid }, position);
  return true;
};

// https://spec.matrix.org/v1.19/server-server-api/#receipts
const eduOf = (roomId: string, { userId, eventId, threadId, at }: Receipt) => ({
  edu_type: 'm.receipt',
  content: {
    [roomId]: {
      'm.read': {
        [userId]: {
          event_ids: [eventId],
          data: { ts: at, ...(threadId !== undefined && { thread_id: threadId }) },
        },
      },
    },
  },
});

/** Moves a receipt of a user of ours; public ones are told to the other servers. Throws M_FORBIDDEN, M_NOT_FOUND, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#receipts
export const moveReceipt = async (
  context: ReceiptContext,
  wanted: ReceiptToMove,
): Promise<void> => {
  const { userId, roomId, type, eventId, threadId } = wanted;
  const room = await context.rooms.get(roomId);
  if (!room?.joined.has(userId)) {
    throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  }
  const target = await readableEvent(context, room, eventId);
  if (threadId !== undefined && !(await isInThread(context, target, threadId))) {
    throw new MatrixError('M_INVALID_PARAM', 'thread_id: the event is not in that thread');
  }
  const receipt: Receipt = {
    userId,
    type,
    eventId,
    at: context.now(),
    ...(threadId !== undefined && { threadId }),
  };
  const { serverName } = context.config;
  await transact(context.db, async (tx) => {
    const hasMoved = await moveReceiptIn(context, tx, room, receipt);
    if (!hasMoved || isPrivate(receipt)) return;
    const others = [...room.servers.keys()].filter((name) => name !== serverName);
    await queueEdu(tx, others, eduOf(roomId, receipt));
  });
};
