import type { clientServer } from '@candor/spec';
import { unbanUser } from '../../../rooms/remove-user.ts';
import type { Handler } from '../../handler.ts';

export const unban: Handler<typeof clientServer.unban> = async (
  context,
  { params, body, caller },
) => {
  await unbanUser(context, {
    roomId: params.roomId,
    sender: caller.userId,
    target: body.user_id,
    reason: body.reason ?? undefined,
  });
  return {};
};
