import { type clientServer, MatrixError } from '@candor/spec';
import { authenticateInteractively } from '../../../accounts/authenticate-interactively.ts';
import { createAccount, freeUserId } from '../../../accounts/create-account.ts';
import { createSession } from '../../../accounts/create-session.ts';
import { refuseWeakPassword } from '../../../accounts/password.ts';
import type { Handler } from '../../handler.ts';

const flows = {
  open: [['m.login.dummy'], ['m.login.registration_token']],
  token: [['m.login.registration_token']],
} as const;

export const register: Handler<typeof clientServer.register> = async (context, request) => {
  const { body, query, address, userAgent } = request;
  const { mode } = context.config.registration;
  if (query.kind === 'guest') {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'There are no guests here');
  }
  if (mode === 'closed') throw new MatrixError('M_FORBIDDEN', 'Registration is closed');
  // Said before the stages are gone through, and checked again when the account is made.
  if (body.username !== undefined) await freeUserId(context, body.username);
  if (body.password !== undefined) refuseWeakPassword(body.password);
  const { registrationToken } = await authenticateInteractively(context, {
    operationId: 'register',
    userId: undefined,
    parameters: body,
    auth: body.auth,
    flows: flows[mode],
    address,
  });
  if (body.password === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'password: is missing');
  }
  const userId = await createAccount(context, {
    localpart: body.username,
    password: body.password,
    registrationToken,
  });
  const home_server = context.config.serverName;
  if (body.inhibit_login) return { user_id: userId, home_server };
  const session = await createSession(context, {
    userId,
    deviceId: body.device_id,
    displayName: body.initial_device_display_name,
    from: { address, agent: userAgent },
    withRefresh: body.refresh_token,
  });
  return {
    user_id: userId,
    home_server,
    device_id: session.deviceId,
    access_token: session.accessToken,
    refresh_token: session.refreshToken,
    expires_in_ms: session.expiresInMs,
  };
};
