import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

export const getLoginFlows: Handler<typeof clientServer.getLoginFlows> = async () => ({
  flows: [{ type: 'm.login.password' }],
});
