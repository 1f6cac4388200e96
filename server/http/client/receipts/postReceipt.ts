import { type clientServer, MatrixError } from '@candor/spec';
import { moveReceipt } from '../../../rooms/move-receipt.ts';
import type { Handler } from '../../handler.ts';
import { writeFullyRead } from './write-fully-read.ts';

export const postReceipt: Handler<typeof clientServer.postReceipt> = async (
  context,
  { params, body, caller: { userId } },
) => {
  const { roomId, receiptType: type, eventId } = params;
  const { thread_id: threadId } = body;
  if (type !== 'm.fully_read') {
    await moveReceipt(context, { userId, roomId, type, eventId, threadId });
  } else if (threadId === undefined) {
    await writeFullyRead(context, userId, roomId, eventId);
  } else {
    throw new MatrixError('M_INVALID_PARAM', 'thread_id: a read marker has no thread');
  }
  return {};
};
