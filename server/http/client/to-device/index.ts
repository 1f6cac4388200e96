import { sendToDevice } from './sendToDevice.ts';

export const toDeviceHandlers = { sendToDevice };
