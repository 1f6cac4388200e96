import type { clientServer } from '@candor/spec';
import { authenticateInteractively } from '../../../accounts/authenticate-interactively.ts';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import type { Handler } from '../../handler.ts';

export const deleteDevices: Handler<typeof clientServer.deleteDevices> = async (
  context,
  { caller, body, address },
) => {
  await authenticateInteractively(context, {
    operationId: 'deleteDevices',
    userId: caller.userId,
    parameters: body,
    auth: body.auth,
    flows: [['m.login.password']],
    address,
  });
  await removeDevices(context, caller.userId, body.devices);
  return {};
};
