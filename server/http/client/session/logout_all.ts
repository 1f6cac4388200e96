import type { clientServer } from '@candor/spec';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import { readDevices } from '../../../storage/devices.ts';
import type { Handler } from '../../handler.ts';

export const logout_all: Handler<typeof clientServer.logout_all> = async (context, { caller }) => {
  const devices = await readDevices(context.db, caller.userId);
  await removeDevices(
    context,
    caller.userId,
    devices.map(({ deviceId }) => deviceId),
  );
  return {};
};
