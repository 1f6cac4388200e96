import type { clientServer } from '@candor/spec';
import { refreshSession } from '../../../accounts/refresh-session.ts';
import type { Handler } from '../../handler.ts';

export const refresh: Handler<typeof clientServer.refresh> = async (context, { body }) => {
  const tokens = await refreshSession(context, body.refresh_token);
  return {
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_in_ms: tokens.expiresInMs,
  };
};
