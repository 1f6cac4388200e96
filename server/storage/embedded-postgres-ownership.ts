import { lchown, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Account } from './embedded-postgres-account.ts';

/** Gives a folder and all in it to the account, the folder last, so that its owner tells whether all is done. */
export const giveTo = async (account: Account, path: string): Promise<void> => {
  const entries = await readdir(path, { recursive: true });
  for (const entry of entries) await lchown(join(path, entry), account.uid, account.gid);
  await lchown(path, account.uid, account.gid);
};

/** The first folder above `path` that the account may not pass through, such as a private home. */
export const folderInTheWay = async (
  account: Account,
  path: string,
): Promise<string | undefined> => {
  const parent = dirname(path);
  if (parent === path) return undefined;
  const higher = await folderInTheWay(account, parent);
  if (higher !== undefined) return higher;
  const { uid, gid, mode } = await stat(parent);
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
  return (mode & bit) === 0 ? parent : undefined;
};
