import { serverHandlers } from './server/index.ts';
import { sessionHandlers } from './session/index.ts';

/** Every client-server operation that is served: one line per module of the specification. */
export const clientHandlers = {
  ...serverHandlers,
  ...sessionHandlers,
};
