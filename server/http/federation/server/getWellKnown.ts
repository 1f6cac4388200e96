import { splitServerName } from '@candor/federation';
import type { federation } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** Where a name without a port is to be looked for; a name with one is never asked. */
// https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
export const getWellKnown: Handler<typeof federation.getWellKnown> = async ({
  config: { serverName, federation },
}) => {
  const hasPort = splitServerName(serverName)?.port !== undefined;
  return { 'm.server': hasPort ? serverName : `${serverName}:${federation.listen.port}` };
};
