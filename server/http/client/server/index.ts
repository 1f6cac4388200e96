import { getVersions } from './getVersions.ts';
import { getWellknown } from './getWellknown.ts';

export const serverHandlers = { getVersions, getWellknown };
