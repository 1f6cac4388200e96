import { getVersion } from './getVersion.ts';
import { getWellKnown } from './getWellKnown.ts';

export const serverHandlers = { getVersion, getWellKnown };
