import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { putKeys } from './put-keys.ts';

export const putRoomKeyBySessionId: Handler<typeof clientServer.putRoomKeyBySessionId> = (
  context,
  { params, query, body, caller },
) =>
  putKeys(context, caller.userId, query.version, {
    [params.roomId]: { sessions: { [params.sessionId]: body } },
  });
