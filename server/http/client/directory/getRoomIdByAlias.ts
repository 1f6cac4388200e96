import type { clientServer } from '@candor/spec';
import { findRoom } from '../../../peers/find-room.ts';
import type { Handler } from '../../handler.ts';

export const getRoomIdByAlias: Handler<typeof clientServer.getRoomIdByAlias> = async (
  context,
  { params, caller },
) => {
  const { roomId, servers } = await findRoom(context, params.roomAlias, { isAnonymous: !caller });
  return { room_id: roomId, servers: [...servers] };
};
