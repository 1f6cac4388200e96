import type { clientServer } from '@candor/spec';
import { uploadDeviceKeys } from '../../../devices/upload-keys.ts';
import type { Handler } from '../../handler.ts';

export const uploadKeys: Handler<typeof clientServer.uploadKeys> = async (
  context,
  { caller, body },
) => ({ one_time_key_counts: await uploadDeviceKeys(context, caller, body) });
