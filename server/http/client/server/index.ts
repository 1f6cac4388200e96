import { getVersions } from './getVersions.ts';

export const serverHandlers = { getVersions };
