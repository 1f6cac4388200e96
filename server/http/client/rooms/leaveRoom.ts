import type { clientServer } from '@candor/spec';
import { leaveRoom as leave } from '../../../rooms/leave-room.ts';
import type { Handler } from '../../handler.ts';

export const leaveRoom: Handler<typeof clientServer.leaveRoom> = async (
  context,
  { params, body, caller },
) => {
  await leave(context, {
    roomId: params.roomId,
    sender: caller.userId,
    reason: body.reason ?? undefined,
  });
  return {};
};
