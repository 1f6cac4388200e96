import type { federation } from '@candor/spec';
import { claimKeysForServer } from '../../../devices/claim-keys.ts';
import type { Handler } from '../../handler.ts';

export const claimUserEncryptionKeys: Handler<typeof federation.claimUserEncryptionKeys> = async (
  context,
  { body },
) => claimKeysForServer(context, body.one_time_keys);
