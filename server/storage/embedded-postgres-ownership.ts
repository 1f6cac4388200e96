import { lchown, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import type { Account } from './embedded-postgres-account.ts';

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
