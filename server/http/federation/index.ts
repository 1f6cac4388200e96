import { deviceHandlers } from './devices/index.ts';
import { eventHandlers } from './events/index.ts';
import { mediaHandlers } from './media/index.ts';
import { membershipHandlers } from './membership/index.ts';
import { queryHandlers } from './queries/index.ts';
import { serverHandlers } from './server/index.ts';
import { serverKeyHandlers } from './server-keys/index.ts';
import { spaceHandlers } from './spaces/index.ts';
import { transactionHandlers } from './transactions/index.ts';

/** Every operation between servers that is served: one line per module. */
export const federationHandlers = {
  ...deviceHandlers,
  ...mediaHandlers,
  ...eventHandlers,
  ...membershipHandlers,
  ...queryHandlers,
  ...serverHandlers,
  ...serverKeyHandlers,
  ...spaceHandlers,
  ...transactionHandlers,
};
