import { deleteDevice } from './deleteDevice.ts';
import { deleteDevices } from './deleteDevices.ts';
import { getDevice } from './getDevice.ts';
import { getDevices } from './getDevices.ts';
import { updateDevice } from './updateDevice.ts';

export const deviceHandlers = { deleteDevice, deleteDevices, getDevice, getDevices, updateDevice };
