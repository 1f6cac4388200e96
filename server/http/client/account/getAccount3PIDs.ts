import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** No e-mail addresses or telephone numbers are kept. */
export const getAccount3PIDs: Handler<typeof clientServer.getAccount3PIDs> = async () => ({
  threepids: [],
});
