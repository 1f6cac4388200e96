import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import { type Account, postgresAccount } from './embedded-postgres-account.ts';
import { folderInTheWay } from './embedded-postgres-ownership.ts';

// The kernel's sun_path holds 107 bytes on Linux and 103 on macOS; the longest name we put behind
// the directory is the database's `.s.PGSQL.5432`.
const directoryBytesMax = 103 - '/.s.PGSQL.5432'.length;

/** Short enough for a socket, and within reach of the account when another one uses it. */
const isFit = async (directory: string, account: Account | undefined): Promise<boolean> =>
  Buffer.byteLength(directory) <= directoryBytesMax &&
  (account === undefined || (await folderInTheWay(account, directory)) === undefined);

/**
 * The private directory (0700) for the Unix sockets of a data directory: `run` inside it, or one
 * under the temporary directory when that one is too deep, or behind a private home for `account`.
 */
export const socketDirectory = async (
  dataDir: string,
  account: Account | undefined,
): Promise<string> => {
  const inside = join(await realpath(dataDir), 'run');
  if (await isFit(inside, account)) {
    await mkdir(inside, { recursive: true, mode: 0o700 });
    return inside;
  }
  const name = `candor-${createHash('sha256').update(inside).digest('hex').slice(0, 16)}`;
  const nearest = join(tmpdir(), name);
  const outside = (await isFit(nearest, account)) ? nearest : join('/tmp', name);
  await mkdir(outside, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  // Anyone may write into the temporary directory, so what is found there is not trusted as it is.
  const found = await lstat(outside);
  const owners = [process.getuid?.(), postgresAccount()?.uid];
  if (!found.isDirectory() || !owners.includes(found.uid))
    throw new OperatorError(
      `${outside} is no directory or belongs to another user; remove it or set TMPDIR`,
    );
  if ((found.mode & 0o077) !== 0) await chmod(outside, 0o700);
  return outside;
};

/** `run` stays in the data directory, with the dead lock in it; one under the temporary directory goes when nothing else is left in it. */
export const leaveSocketDirectory = async (directory: string, lock?: string): Promise<void> => {
  if (basename(directory) === 'run') return;
  if (lock !== undefined) await rm(lock, { force: true });
  await rmdir(directory).catch(() => undefined);
};
