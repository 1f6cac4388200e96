import type { clientServer } from '@candor/spec';
import { kickUser } from '../../../rooms/remove-user.ts';
import type { Handler } from '../../handler.ts';

export const kick: Handler<typeof clientServer.kick> = async (
  context,
  { params, body, caller },
) => {
  await kickUser(context, {
    roomId: params.roomId,
    sender: caller.userId,
    target: body.user_id,
    reason: body.reason ?? undefined,
  });
  return {};
};
