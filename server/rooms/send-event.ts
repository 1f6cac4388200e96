import { MatrixError } from '@candor/spec';
import type { RoomContext } from './build-room-event.ts';
import { checkAliases } from './check-aliases.ts';
import type { EventToSend, SentEvent } from './send-in-room.ts';
import { sendInRoom } from './send-in-room.ts';

/**
 * Sends an event of a user of ours; the answer comes when it is on disk. The same transaction id, and state that says
 * what is said already, give the event that is there. Throws M_FORBIDDEN, M_TOO_LARGE, M_BAD_JSON, M_BAD_ALIAS,
 * M_NOT_FOUND for what is to be redacted; `DatabaseUnavailable` when the write was lost.
 */
export const sendEvent = async (
  context: RoomContext,
  { roomId, ...wanted }: EventToSend & { readonly roomId: string },
): Promise<SentEvent> => {
  const known = await context.rooms.get(roomId);
  if (!known) throw new MatrixError('M_FORBIDDEN', 'the sender is not joined');
  // Nobody else can make this server ask others.
  if (wanted.type === 'm.room.canonical_alias' && known.joined.has(wanted.sender)) {
    await checkAliases(context, known, wanted.content);
  }
  const { eventId, position, written } = await context.rooms.write(roomId, (room) =>
    sendInRoom(context, room, wanted),
  );
  await written;
  return { eventId, position };
};
