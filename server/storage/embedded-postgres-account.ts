import { lchown, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/** Gives a folder and all in it to the account, the folder last, so that its owner tells whether all is done. */
export const giveTo = async (account: Account, path: string): Promise<void> => {
  const entries = await readdir(path, { recursive: true });
  for (const entry of entries) await lchown(join(path, entry), account.uid, account.gid);
  await lchown(path, account.uid, account.gid);
};

/** Throws an OperatorError naming the first folder above `path` that the account may not pass through. */
export const checkReachable = async (account: Account, path: string): Promise<void> => {
  const parent = dirname(path);
  if (parent === path) return;
  await checkReachable(account, parent);
  const { uid, gid, mode } = await stat(parent);
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
  if ((mode & bit) !== 0) return;
  throw new OperatorError(
    `PostgreSQL refuses to run as root, so it runs as user id ${account.uid}, which may not pass through ${parent} (mode ${(mode & 0o777).toString(8)}). ` +
      `Set data_dir to a place like /var/lib/candor, or allow it with: chmod o+x ${parent}, or run candor as an ordinary user`,
  );
};
