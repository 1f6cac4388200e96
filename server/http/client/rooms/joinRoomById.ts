import type { clientServer } from '@candor/spec';
import { joinRoom } from '../../../rooms/join-room.ts';
import type { Handler } from '../../handler.ts';

export const joinRoomById: Handler<typeof clientServer.joinRoomById> = async (
  context,
  { params, body, caller },
) => {
  const { roomId } = params;
  await joinRoom(context, { roomId, sender: caller.userId, reason: body.reason ?? undefined });
  return { room_id: roomId };
};
