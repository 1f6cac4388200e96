import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** This server has no TURN servers to offer, which clients read from an empty object. */
export const getTurnServer: Handler<typeof clientServer.getTurnServer> = async () => ({});
