import type { clientServer } from '@candor/spec';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

/** This server has no TURN servers to offer, which clients read from an empty object. */
export const getTurnServer: Handler<typeof clientServer.getTurnServer> = async () =>
  new Answer({ body: '{}' });
