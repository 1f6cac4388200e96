import type { clientServer } from '@candor/spec';
import { findRoom } from '../../../peers/find-room.ts';
import { joinRoom as join } from '../../../rooms/join-room.ts';
import type { Handler } from '../../handler.ts';

export const joinRoom: Handler<typeof clientServer.joinRoom> = async (
  context,
  { params, query, body, caller },
) => {
  const asked = [...(query.via ?? []), ...(query.server_name ?? [])];
  const { roomId, servers } = await findRoom(context, params.roomIdOrAlias, {
    isAnonymous: false,
  });
  await join(context, {
    roomId,
    sender: caller.userId,
    reason: body.reason ?? undefined,
    via: [...new Set([...asked, ...servers])],
  });
  return { room_id: roomId };
};
