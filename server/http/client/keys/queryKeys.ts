import type { clientServer } from '@candor/spec';
import { queryKeys as queryKeysOfUsers } from '../../../devices/query-keys.ts';
import type { Handler } from '../../handler.ts';

export const queryKeys: Handler<typeof clientServer.queryKeys> = async (
  context,
  { caller, body },
) => queryKeysOfUsers(context, caller.userId, body.device_keys, body.timeout);
