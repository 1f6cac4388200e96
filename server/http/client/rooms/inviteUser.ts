import type { clientServer } from '@candor/spec';
import { inviteUser as invite } from '../../../rooms/invite-user.ts';
import type { Handler } from '../../handler.ts';

export const inviteUser: Handler<typeof clientServer.inviteUser> = async (
  context,
  { params, body, caller },
) => {
  await invite(context, {
    roomId: params.roomId,
    sender: caller.userId,
    target: body.user_id,
    reason: body.reason ?? undefined,
  });
  return {};
};
