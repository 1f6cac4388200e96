import { type federation, MatrixError } from '@candor/spec';
import { tokenHash } from '../../../accounts/token.ts';
import { readOpenIdUser } from '../../../storage/openid-tokens.ts';
import type { Handler } from '../../handler.ts';

export const exchangeOpenIdToken: Handler<typeof federation.exchangeOpenIdToken> = async (
  { db, now },
  { query },
) => {
  const userId = await readOpenIdUser(db, tokenHash(query.access_token), now());
  if (userId !== undefined) return { sub: userId };
  throw new MatrixError('M_UNKNOWN_TOKEN', 'the token is not known, or no longer');
};
