import { MatrixError } from '@candor/spec';
import type { Context } from '../../../context.ts';
import { readableEvent } from '../../../rooms/move-receipt.ts';
import { writeAccountData } from '../../../storage/account-data.ts';
import { transact } from '../../../storage/database.ts';

/** Moves the read marker of a user. Throws M_FORBIDDEN, M_NOT_FOUND. */
// https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers
export const writeFullyRead = async (
  context: Context,
  userId: string,
  roomId: string,
  eventId: string,
): Promise<void> => {
  const room = await context.rooms.get(roomId);
  if (!room?.joined.has(userId)) {
    throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  }
  await readableEvent(context, room, eventId);
  await transact(context.db, (tx) =>
    writeAccountData(tx, { userId, roomId, type: 'm.fully_read' }, { event_id: eventId }),
  );
};
