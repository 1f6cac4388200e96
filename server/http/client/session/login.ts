import { type clientServer, MatrixError } from '@candor/spec';
import { createSession } from '../../../accounts/create-session.ts';
import { verifyLogin } from '../../../accounts/verify-login.ts';
import type { Handler } from '../../handler.ts';

export const login: Handler<typeof clientServer.login> = async (
  context,
  { body, address, userAgent },
) => {
  if (body.type !== 'm.login.password') {
    throw new MatrixError('M_UNKNOWN', 'Only m.login.password is offered', { status: 400 });
  }
  const userId = await verifyLogin(context, body, address);
  const session = await createSession(context, {
    userId,
    deviceId: body.device_id,
    displayName: body.initial_device_display_name,
    from: { address, agent: userAgent },
    withRefresh: body.refresh_token,
  });
  return {
    user_id: userId,
    device_id: session.deviceId,
    access_token: session.accessToken,
    refresh_token: session.refreshToken,
    expires_in_ms: session.expiresInMs,
    home_server: context.config.serverName,
  };
};
