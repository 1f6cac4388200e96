import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import { postgresAccount } from './embedded-postgres-account.ts';

// The kernel's sun_path holds 107 bytes on Linux and 103 on macOS; the longest name we put behind
// the directory is the database's `.s.PGSQL.5432`.
const directoryBytesMax = 103 - '/.s.PGSQL.5432'.length;

/**
 * The private directory (0700) for the Unix sockets of a data directory: `run` inside it, or a
 * short one under the temporary directory when the path would be too long for a socket.
 */
export const socketDirectory = async (dataDir: string): Promise<string> => {
  const inside = join(await realpath(dataDir), 'run');
  if (Buffer.byteLength(inside) <= directoryBytesMax) {
    await mkdir(inside, { recursive: true, mode: 0o700 });
    return inside;
  }
  const name = `candor-${createHash('sha256').update(inside).digest('hex').slice(0, 16)}`;
  const parent = Buffer.byteLength(join(tmpdir(), name)) <= directoryBytesMax ? tmpdir() : '/tmp';
  const outside = join(parent, name);
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
