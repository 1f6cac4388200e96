import { type clientServer, MatrixError } from '@candor/spec';
import { readDevice } from '../../../storage/devices.ts';
import type { Handler } from '../../handler.ts';
import { deviceAnswer } from './device-answer.ts';

export const getDevice: Handler<typeof clientServer.getDevice> = async (
  { accounts, db },
  { caller, params },
) => {
  await accounts.lastSeen.write();
  const device = await readDevice(db, caller.userId, params.deviceId);
  if (!device) throw new MatrixError('M_NOT_FOUND', 'There is no such device');
  return deviceAnswer(device);
};
