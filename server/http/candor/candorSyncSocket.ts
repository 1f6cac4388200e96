import { type candor, MatrixError } from '@candor/spec';
import type { Handler } from '../handler.ts';

/** Only for requests that do not ask to become a WebSocket: `create-upgrade.ts` takes those that do. */
export const candorSyncSocket: Handler<typeof candor.candorSyncSocket> = async () => {
  throw new MatrixError('M_UNRECOGNIZED', 'This is for WebSockets only', { status: 426 });
};
