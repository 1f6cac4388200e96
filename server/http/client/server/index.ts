import { getProtocols } from './getProtocols.ts';
import { getTurnServer } from './getTurnServer.ts';
import { getVersions } from './getVersions.ts';
import { getWellknown } from './getWellknown.ts';
import { getWellknownSupport } from './getWellknownSupport.ts';

export const serverHandlers = {
  getProtocols,
  getTurnServer,
  getVersions,
  getWellknown,
  getWellknownSupport,
};
