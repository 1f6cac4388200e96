import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** No bridges, no networks. */
export const getProtocols: Handler<typeof clientServer.getProtocols> = async () => ({});
