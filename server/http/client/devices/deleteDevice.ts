import type { clientServer } from '@candor/spec';
import { authenticateInteractively } from '../../../accounts/authenticate-interactively.ts';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import type { Handler } from '../../handler.ts';

export const deleteDevice: Handler<typeof clientServer.deleteDevice> = async (
  context,
  { caller, params, body, address },
) => {
  await authenticateInteractively(context, {
    operationId: 'deleteDevice',
    userId: caller.userId,
    parameters: { ...body, deviceId: params.deviceId },
    auth: body.auth,
    flows: [['m.login.password']],
    address,
  });
  await removeDevices(context, caller.userId, [params.deviceId]);
  return {};
};
