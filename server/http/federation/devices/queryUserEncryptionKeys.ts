import type { federation } from '@candor/spec';
import { queryKeysForServer } from '../../../devices/query-keys.ts';
import type { Handler } from '../../handler.ts';

export const queryUserEncryptionKeys: Handler<typeof federation.queryUserEncryptionKeys> = async (
  context,
  { origin, body },
) => queryKeysForServer(context, origin, body.device_keys);
