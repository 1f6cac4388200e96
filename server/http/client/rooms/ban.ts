import type { clientServer } from '@candor/spec';
import { banUser } from '../../../rooms/remove-user.ts';
import type { Handler } from '../../handler.ts';

export const ban: Handler<typeof clientServer.ban> = async (context, { params, body, caller }) => {
  await banUser(context, {
    roomId: params.roomId,
    sender: caller.userId,
    target: body.user_id,
    reason: body.reason ?? undefined,
  });
  return {};
};
