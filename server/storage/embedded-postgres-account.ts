import { readFile } from 'node:fs/promises';
import { OperatorError } from '../config/operator-error.ts';

export type Account = { readonly uid: number; readonly gid: number };

// An id that no distribution hands out, so that no other program runs under it.
const ownAccount: Account = { uid: 59_432, gid: 59_432 };

/** Whom the database runs as: ourselves (undefined), but as root, which PostgreSQL refuses, an id of its own. */
export const postgresAccount = (): Account | undefined =>
  process.getuid?.() === 0 ? ownAccount : undefined;

/** `initdb` wants an account that has a name: `nobody`, else the first that is not root. */
export const namedAccount = async (): Promise<Account> => {
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0);
  const account = accounts.find(({ name }) => name === 'nobody') ?? accounts[0];
  if (account === undefined)
    throw new OperatorError(
      'PostgreSQL refuses to run as root and /etc/passwd names no other account; run candor as an ordinary user or set database.url',
    );
  return { uid: account.uid, gid: account.gid };
};
