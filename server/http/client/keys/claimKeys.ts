import type { clientServer } from '@candor/spec';
import { claimKeysOfUsers } from '../../../devices/claim-keys.ts';
import type { Handler } from '../../handler.ts';

export const claimKeys: Handler<typeof clientServer.claimKeys> = async (context, { body }) =>
  claimKeysOfUsers(context, body.one_time_keys, body.timeout);
