import { type candor, MatrixError } from '@candor/spec';
import { createAccount } from '../../accounts/create-account.ts';
import { createSession } from '../../accounts/create-session.ts';
import type { Handler } from '../handler.ts';

export const candorRegisterWithSharedSecret: Handler<
  typeof candor.candorRegisterWithSharedSecret
> = async (context, { body, address, userAgent }) => {
  const { accounts, config } = context;
  const { sharedSecret } = config.registration;
  if (sharedSecret === undefined) {
    throw new MatrixError('M_UNKNOWN', 'No shared secret is set', { status: 400 });
  }
  accounts.nonces.check(sharedSecret, body);
  const userId = await createAccount(context, {
    localpart: body.username.toLowerCase(),
    password: body.password,
    isAdmin: body.admin === true,
  });
  const home_server = config.serverName;
  if (body.inhibit_login) return { user_id: userId, home_server };
  const { accessToken, deviceId } = await createSession(context, {
    userId,
    from: { address, agent: userAgent },
  });
  return { user_id: userId, home_server, access_token: accessToken, device_id: deviceId };
};
