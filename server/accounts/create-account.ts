import { isNewUserLocalpart, isUserId, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { readPushRules } from '../push/push-rules.ts';
import { writeAccountData } from '../storage/account-data.ts';
import { insertAccount, readAccount } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { useRegistrationToken } from '../storage/registration-tokens.ts';
import { hashPassword, refuseWeakPassword } from './password.ts';

export type NewAccount = {
  /** Chosen at random when left out. */
  readonly localpart: string | undefined;
  /** Without one nobody can log in by password. */
  readonly password: string | undefined;
  readonly isAdmin?: boolean;
  /** One use of it is spent; it may make an administrator. */
  readonly registrationToken?: string | undefined;
};

const takenError = () => new MatrixError('M_USER_IN_USE', 'The user name is taken');

/** The user id of a new account, capitals written small. Throws M_INVALID_USERNAME or M_USER_IN_USE. */
// https://spec.matrix.org/v1.19/appendices/#user-identifiers
export const freeUserId = async (
  { config, db }: Pick<Context, 'config' | 'db'>,
  name: string,
): Promise<string> => {
  const localpart = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const userId = `@${localpart}:${config.serverName}`;
  if (!isNewUserLocalpart(localpart) || !isUserId(userId)) {
    throw new MatrixError(
      'M_INVALID_USERNAME',
      'User names consist of a-z, 0-9 and the characters . _ = - / +, 255 with the server name',
    );
  }
  if (await readAccount(db, userId)) throw takenError();
  return userId;
};

/** Makes an account and gives its user id. */
export const createAccount = async (context: Context, account: NewAccount): Promise<string> => {
  const { db, now, randomBytes } = context;
  const localpart = account.localpart ?? randomBytes(8).toString('hex');
  const userId = await freeUserId(context, localpart);
  const { password, registrationToken } = account;
  if (password !== undefined) refuseWeakPassword(password);
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  await transact(db, async (tx) => {
    const spent =
      registrationToken === undefined
        ? undefined
        : await useRegistrationToken(tx, registrationToken, now());
    if (registrationToken !== undefined && !spent) {
      throw new MatrixError('M_FORBIDDEN', 'The registration token is used up');
    }
    const isAdmin = account.isAdmin === true || spent?.makesAdmin === true;
    const isNew = await insertAccount(tx, userId, { passwordHash, isAdmin, createdAt: now() });
    if (!isNew) throw takenError();
    // From here on `/sync` shows the predefined rules like any others.
    const rules = { global: await readPushRules(tx, userId) };
    await writeAccountData(tx, { userId, type: 'm.push_rules' }, rules);
  });
  return userId;
};
