import { accountHandlers } from './account/index.ts';
import { capabilityHandlers } from './capabilities/index.ts';
import { deviceHandlers } from './devices/index.ts';
import { roomHandlers } from './rooms/index.ts';
import { serverHandlers } from './server/index.ts';
import { sessionHandlers } from './session/index.ts';

/** Every client-server operation that is served: one line per module of the specification. */
export const clientHandlers = {
  ...accountHandlers,
  ...capabilityHandlers,
  ...deviceHandlers,
  ...roomHandlers,
  ...serverHandlers,
  ...sessionHandlers,
};
