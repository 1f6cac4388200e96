import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const setPresence: Handler<typeof clientServer.setPresence> = async (
  { sync },
  { params, body, caller },
) => {
  refuseOtherUser(caller, params.userId);
  await sync.presence.set(caller.userId, body.presence, body.status_msg ?? null);
  return {};
};
