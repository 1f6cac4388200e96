import { type clientServer, MatrixError } from '@candor/spec';
import { authenticateInteractively } from '../../../accounts/authenticate-interactively.ts';
import { hashPassword, refuseWeakPassword } from '../../../accounts/password.ts';
import { removeDevicesIn } from '../../../accounts/remove-devices.ts';
import { writePasswordHash } from '../../../storage/accounts.ts';
import { transact } from '../../../storage/database.ts';
import { readDevices } from '../../../storage/devices.ts';
import { writeMustChangePassword } from '../../../storage/managed-accounts.ts';
import type { Handler } from '../../handler.ts';

export const changePassword: Handler<typeof clientServer.changePassword> = async (
  context,
  { body, caller, address },
) => {
  // Without a session only an address could prove who it is, and there are none here.
  if (!caller) throw new MatrixError('M_MISSING_TOKEN', 'An access token is needed');
  refuseWeakPassword(body.new_password);
  const { userId, deviceId: ownDeviceId } = caller;
  await authenticateInteractively(context, {
    operationId: 'changePassword',
    userId,
    parameters: body,
    auth: body.auth,
    flows: [['m.login.password']],
    address,
  });
  const passwordHash = await hashPassword(body.new_password);
  await transact(context.db, async (tx) => {
    await writePasswordHash(tx, userId, passwordHash);
    await writeMustChangePassword(tx, userId, false);
    if (body.logout_devices === false) return;
    const devices = await readDevices(tx, userId);
    const others = devices.map(({ deviceId }) => deviceId).filter((id) => id !== ownDeviceId);
    await removeDevicesIn(tx, userId, others);
  });
  return {};
};
