import { randomBytes } from 'node:crypto';
import { link, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import { makeDataDir } from './make-data-dir.ts';
import { leaveSocketDirectory, socketDirectory } from './socket-directory.ts';

export type DataDirLock = { readonly release: () => Promise<void> };

const answerMsMax = 2_000;
const attemptsMax = 10;

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

/** Who answers on the socket: its process id, `unknown` when it is too busy to say, undefined when nobody does. */
const holderOf = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    let answer = '';
    let connected = false;
    const socket = connect(path);
    socket.setTimeout(answerMsMax, () => socket.destroy());
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    // A refused connection is the answer we hope for: the holder is gone.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(connected ? answer || 'unknown' : undefined));
  });

/** The name is taken by a hard link, which only one process can make; a dead holder's name is moved away first. */
const claim = async (own: string, path: string): Promise<string | undefined> => {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    try {
      await link(own, path);
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await holderOf(path);
    if (holder !== undefined) return holder;
    const aside = `${own}.stale`;
    await rename(path, aside).catch(() => undefined);
    // Another starter may have replaced the dead name between our question and the move.
    const moved = await holderOf(aside);
    if (moved !== undefined) {
      await link(aside, path).catch(() => undefined);
      await rm(aside, { force: true });
      return moved;
    }
    await rm(aside, { force: true });
  }
  return 'unknown';
};

/**
 * Takes the data directory for this process; throws an OperatorError naming the holder when it is taken.
 * The lock is a listening Unix socket, so that it ends with the process however that dies.
 */
export const lockDataDir = async (dataDir: string): Promise<DataDirLock> => {
  await makeDataDir(dataDir, 0o700);
  const directory = await socketDirectory(dataDir, undefined);
  const path = join(directory, 'lock');
  const own = join(directory, randomBytes(4).toString('hex'));
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(String(process.pid));
  });
  server.unref();
  await listen(server, own);
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  try {
    const holder = await claim(own, path);
    if (holder !== undefined)
      throw new OperatorError(
        `the data directory ${dataDir} is in use by another candor (process ${holder}); stop it first, or set data_dir to another place`,
      );
    await rm(own, { force: true });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    release: async () => {
      await rm(path, { force: true });
      await close();
      await leaveSocketDirectory(directory);
    },
  };
};
