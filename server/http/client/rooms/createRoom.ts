import type { clientServer } from '@candor/spec';
import { createRoom as create } from '../../../rooms/create-room.ts';
import type { Handler } from '../../handler.ts';

export const createRoom: Handler<typeof clientServer.createRoom> = async (
  context,
  { body, caller },
) => {
  const { roomId } = await create(context, caller.userId, body);
  return { room_id: roomId };
};
