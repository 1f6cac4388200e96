import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { putKeys } from './put-keys.ts';

export const putRoomKeysByRoomId: Handler<typeof clientServer.putRoomKeysByRoomId> = (
  context,
  { params, query, body, caller },
) => putKeys(context, caller.userId, query.version, { [params.roomId]: body });
