import { deviceHandlers } from './devices/index.ts';
import { serverHandlers } from './server/index.ts';
import { serverKeyHandlers } from './server-keys/index.ts';

/** Every operation between servers that is served: one line per module. */
export const federationHandlers = {
  ...deviceHandlers,
  ...serverHandlers,
  ...serverKeyHandlers,
};
