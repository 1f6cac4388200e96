import { type clientServer, MatrixError } from '@candor/spec';
import { authenticateInteractively } from '../../../accounts/authenticate-interactively.ts';
import { closeAccount } from '../../../accounts/close-account.ts';
import type { Handler } from '../../handler.ts';

export const deactivateAccount: Handler<typeof clientServer.deactivateAccount> = async (
  context,
  { body, caller, address },
) => {
  if (!caller) throw new MatrixError('M_MISSING_TOKEN', 'An access token is needed');
  await authenticateInteractively(context, {
    operationId: 'deactivateAccount',
    userId: caller.userId,
    parameters: body,
    auth: body.auth,
    flows: [['m.login.password']],
    address,
  });
  await closeAccount(context, caller.userId, { isErased: body.erase === true });
  return { id_server_unbind_result: 'no-support' };
};
