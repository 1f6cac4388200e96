import { getProtocols } from './getProtocols.ts';
import { getTurnServer } from './getTurnServer.ts';
import { getVersions } from './getVersions.ts';
import { getWellknown } from './getWellknown.ts';

export const serverHandlers = {
  getProtocols,
  getTurnServer,
  getVersions,
  getWellknown,
};
