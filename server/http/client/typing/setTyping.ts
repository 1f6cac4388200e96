import { type clientServer, limits } from '@candor/spec';
import { setTyping as setTypingIn } from '../../../rooms/set-typing.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const setTyping: Handler<typeof clientServer.setTyping> = async (
  context,
  { params, body, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const { typing, timeout = limits.typingTimeoutMsDefault } = body;
  await setTypingIn(context, caller.userId, params.roomId, typing ? timeout : 0);
  return {};
};
