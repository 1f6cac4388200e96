import type { clientServer } from '@candor/spec';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import type { Handler } from '../../handler.ts';

export const logout: Handler<typeof clientServer.logout> = async (context, { caller }) => {
  await removeDevices(context, caller.userId, [caller.deviceId]);
  return {};
};
