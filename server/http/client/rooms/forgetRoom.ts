import type { clientServer } from '@candor/spec';
import { forgetRoom as forget } from '../../../rooms/leave-room.ts';
import type { Handler } from '../../handler.ts';

export const forgetRoom: Handler<typeof clientServer.forgetRoom> = async (
  context,
  { params, caller },
) => {
  await forget(context, params.roomId, caller.userId);
  return {};
};
