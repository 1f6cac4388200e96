import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { putKeys } from './put-keys.ts';

export const putRoomKeys: Handler<typeof clientServer.putRoomKeys> = (
  context,
  { query, body, caller },
) => putKeys(context, caller.userId, query.version, body.rooms);
