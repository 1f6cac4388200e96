import { type clientServer, limits } from '@candor/spec';
import { newToken, tokenHash } from '../../../accounts/token.ts';
import { transact } from '../../../storage/database.ts';
import { insertOpenIdToken } from '../../../storage/openid-tokens.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const requestOpenIdToken: Handler<typeof clientServer.requestOpenIdToken> = async (
  context,
  { params, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const { config, db, now, randomBytes } = context;
  const token = newToken('openId', randomBytes);
  const issuedAt = now();
  const expiresAt = issuedAt + limits.openIdTokenLifetimeMs;
  await transact(db, (tx) =>
    insertOpenIdToken(tx, { hash: tokenHash(token), userId: caller.userId, expiresAt }, issuedAt),
  );
  return {
    access_token: token,
    token_type: 'Bearer',
    matrix_server_name: config.serverName,
    expires_in: limits.openIdTokenLifetimeMs / 1000,
  };
};
