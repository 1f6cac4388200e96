import type { clientServer } from '@candor/spec';
import { findRoom } from '../../../peers/find-room.ts';
import { knockRoom as knock } from '../../../rooms/knock-room.ts';
import type { Handler } from '../../handler.ts';

export const knockRoom: Handler<typeof clientServer.knockRoom> = async (
  context,
  { params, query, body, caller },
) => {
  const asked = [...(query.via ?? []), ...(query.server_name ?? [])];
  const { roomId, servers } = await findRoom(context, params.roomIdOrAlias, {
    isAnonymous: false,
  });
  await knock(context, {
    roomId,
    sender: caller.userId,
    reason: body.reason ?? undefined,
    via: [...new Set([...asked, ...servers])],
  });
  return { room_id: roomId };
};
