import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import {
  deleteTokens,
  deleteUnusedSuccessors,
  revokeRefreshToken,
  takeRefreshToken,
} from '../storage/tokens.ts';
import { issueTokens, type Tokens } from './create-session.ts';
import { lockedError } from './locked-error.ts';
import { tokenHash } from './token.ts';

/**
 * New tokens for a refresh token. It stays good until one of them is used, so that a lost answer can be asked for
 * again; used after that it must have been stolen by somebody, and the whole session ends.
 */
// https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
export const refreshSession = async (context: Context, refreshToken: string): Promise<Tokens> => {
  const { db, now } = context;
  const refreshHash = tokenHash(refreshToken);
  const tokens = await transact(db, async (tx) => {
    const found = await takeRefreshToken(tx, refreshHash);
    if (!found) throw new MatrixError('M_UNKNOWN_TOKEN', 'The refresh token is not known');
    if (found.isLocked) throw lockedError();
    const { userId, deviceId } = found;
    if (found.isRevoked) {
      await deleteTokens(tx, userId, { deviceId });
      tx.tell({ kind: 'sessionEnded', userId, deviceId, wakes: [userId] });
      return undefined;
    }
    if (found.replaces) await revokeRefreshToken(tx, found.replaces, now());
    const endedBefore = now() - limits.revokedRefreshTokenKeptMs;
    await deleteUnusedSuccessors(tx, refreshHash, found, endedBefore);
    return issueTokens(context, tx, { userId, deviceId }, true, refreshHash);
  });
  if (tokens) return tokens;
  throw new MatrixError('M_UNKNOWN_TOKEN', 'The refresh token was used before', {
    fields: { soft_logout: true },
  });
};
