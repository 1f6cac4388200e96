import { limits } from '@candor/spec';
import { closeAccount } from '../accounts/close-account.ts';
import { createAccount } from '../accounts/create-account.ts';
import { hashPassword } from '../accounts/password.ts';
import { removeDevicesIn } from '../accounts/remove-devices.ts';
import { OperatorError } from '../config/operator-error.ts';
import type { Context } from '../context.ts';
import { writePasswordHash } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { readDevices } from '../storage/devices.ts';
import { isOpenAccount } from '../storage/existing-accounts.ts';
import {
  type ManagedAccount,
  readAccountPage,
  writeMustChangePassword,
} from '../storage/managed-accounts.ts';
import {
  deleteRegistrationToken,
  insertRegistrationToken,
  type ManagedToken,
  readRegistrationTokens,
} from '../storage/registration-tokens.ts';
import type { AdminRequest } from './admin-request.ts';

export type AdminAnswer =
  | { readonly userId: string; readonly password?: string }
  | { readonly accounts: readonly ManagedAccount[] }
  | { readonly token: string }
  | { readonly tokens: readonly ManagedToken[] };

const newSecret = ({ randomBytes }: Context): string => randomBytes(15).toString('base64url');

/** The user id of an open account here, by it or by the part before the colon. */
const openAccountOf = async ({ config, db }: Context, user: string): Promise<string> => {
  const userId = user.startsWith('@') ? user : `@${user.toLowerCase()}:${config.serverName}`;
  if (!(await isOpenAccount(db, userId)))
    throw new OperatorError(`there is no account ${userId}, or it was deactivated`);
  return userId;
};

const createUser = async (context: Context, localpart: string, isAdmin: boolean) => {
  const password = newSecret(context);
  const userId = await createAccount(context, { localpart, password, isAdmin });
  await transact(context.db, (tx) => writeMustChangePassword(tx, userId, true));
  return { userId, password };
};

/** Ends every session, for whoever knows the old password may have one. */
const resetPassword = async (context: Context, user: string) => {
  const userId = await openAccountOf(context, user);
  const password = newSecret(context);
  const passwordHash = await hashPassword(password);
  await transact(context.db, async (tx) => {
    await writePasswordHash(tx, userId, passwordHash);
    await writeMustChangePassword(tx, userId, true);
    const devices = await readDevices(tx, userId);
    const deviceIds = devices.map(({ deviceId }) => deviceId);
    await removeDevicesIn(tx, userId, deviceIds);
  });
  return { userId, password };
};

const createToken = async (
  context: Context,
  bounds: Pick<ManagedToken, 'usesAllowed' | 'expiresAt'>,
) => {
  const token = newSecret(context);
  await transact(context.db, (tx) => insertRegistrationToken(tx, { ...bounds, token }));
  return { token };
};

/** Does what the operator asks for. Throws an OperatorError or a MatrixError that says what stands against it. */
export const administer = async (context: Context, request: AdminRequest): Promise<AdminAnswer> => {
  const { db } = context;
  switch (request.command) {
    case 'create-user':
      return createUser(context, request.name, request.isAdmin);
    case 'reset-password':
      return resetPassword(context, request.user);
    case 'deactivate': {
      const userId = await openAccountOf(context, request.user);
      await closeAccount(context, userId, { isErased: false });
      return { userId };
    }
    case 'list-users':
      return { accounts: await readAccountPage(db, request.after, limits.accountPageMax) };
    case 'create-token':
      return createToken(context, {
        usesAllowed: request.usesAllowed,
        expiresAt: request.expiresAt,
      });
    case 'list-tokens':
      return { tokens: await readRegistrationTokens(db) };
    case 'revoke-token': {
      const { token } = request;
      if (!(await transact(db, (tx) => deleteRegistrationToken(tx, token))))
        throw new OperatorError('there is no such token');
      return { token };
    }
  }
};
