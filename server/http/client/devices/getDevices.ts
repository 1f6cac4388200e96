import type { clientServer } from '@candor/spec';
import { readDevices } from '../../../storage/devices.ts';
import type { Handler } from '../../handler.ts';
import { deviceAnswer } from './device-answer.ts';

export const getDevices: Handler<typeof clientServer.getDevices> = async (
  { accounts, db },
  { caller },
) => {
  await accounts.lastSeen.write();
  return { devices: (await readDevices(db, caller.userId)).map(deviceAnswer) };
};
