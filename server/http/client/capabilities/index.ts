import { getCapabilities } from './getCapabilities.ts';

export const capabilityHandlers = { getCapabilities };
