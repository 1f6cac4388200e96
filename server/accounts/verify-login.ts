import { isUserId, MatrixError, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { readAccount, writePasswordHash } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { lockedError } from './locked-error.ts';
import { checkPassword, hashPassword } from './password.ts';

export type PasswordLogin = {
  readonly identifier?: { readonly type: string; readonly user?: string };
  /** The form before identifiers. */
  readonly user?: string;
  readonly password?: string;
};

/** The user id that a login names, whether or not there is such a user. */
// https://spec.matrix.org/v1.19/client-server-api/#identifier-types
const userIdOf = ({ identifier, user }: PasswordLogin, serverName: string): string => {
  if (identifier && identifier.type !== 'm.id.user') {
    // Addresses are not kept here, so none is known.
    throw new MatrixError('M_FORBIDDEN', 'Only user names and user ids can log in');
  }
  const name = identifier ? identifier.user : user;
  if (name === undefined) throw new MatrixError('M_MISSING_PARAM', 'identifier: needs a user');
  // No name here has capitals.
  return (name.startsWith('@') ? name : `@${name}:${serverName}`).toLowerCase();
};

/**
 * Checks a user name and password, and gives the user id. Throws M_FORBIDDEN alike for an unknown user and a
 * wrong password, after the same time; only who knows the password learns that the account is locked.
 */
export const verifyLogin = async (
  context: Context,
  login: PasswordLogin,
  address: string,
): Promise<string> => {
  const { accounts, config, db } = context;
  const userId = userIdOf(login, config.serverName);
  const { password } = login;
  if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'password: is missing');
  // Names that cannot be ours are not worth a place in memory.
  const isOurs = isUserId(userId) && serverNameOf(userId) === config.serverName;
  if (isOurs) await accounts.loginGuard.refuseGuessing(userId, address);
  const account = isOurs ? await readAccount(db, userId) : undefined;
  const { matches, isOutdated } = await checkPassword(password, account?.passwordHash);
  if (!account || !matches) {
    if (isOurs) accounts.loginGuard.noteFailure(userId, address);
    throw new MatrixError('M_FORBIDDEN', 'Wrong user name or password');
  }
  if (account.isLocked) throw lockedError();
  if (isOutdated) {
    const passwordHash = await hashPassword(password);
    await transact(db, (tx) => writePasswordHash(tx, userId, passwordHash));
  }
  return userId;
};
