import { type clientServer, MatrixError } from '@candor/spec';
import { announceDevices } from '../../../devices/announce-devices.ts';
import { transact } from '../../../storage/database.ts';
import { renameDevice } from '../../../storage/devices.ts';
import type { Handler } from '../../handler.ts';

export const updateDevice: Handler<typeof clientServer.updateDevice> = async (
  { db },
  { caller, params, body },
) => {
  const { userId } = caller;
  await transact(db, async (tx) => {
    const isThere = await renameDevice(tx, userId, params.deviceId, body.display_name);
    if (!isThere) throw new MatrixError('M_NOT_FOUND', 'There is no such device');
    if (body.display_name !== undefined) await announceDevices(tx, userId, [params.deviceId]);
  });
  return {};
};
