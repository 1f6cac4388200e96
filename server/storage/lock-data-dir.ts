import { randomBytes } from 'node:crypto';
import { link, readdir, rm } from 'node:fs/promises';
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

const nameOf = (generation: number): string => `lock.${generation}`;

/** The numbers of the names that are there, the highest first. */
const generationsIn = async (directory: string): Promise<readonly number[]> => {
  const numbers = (await readdir(directory)).map((name) => /^lock\.(\d+)$/.exec(name)?.[1]);
  return numbers
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((one, other) => other - one);
};

/**
 * Gives the name that is ours now, or who holds the lock. A name is taken by a hard link, which only one process can
 * make; it is one higher than that of the dead holder before, and the highest name is never taken away: nobody can
 * ask about one holder and put another one out.
 */
const claim = async (
  own: string,
  directory: string,
): Promise<{ readonly name: string } | { readonly holder: string }> => {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const [last] = await generationsIn(directory);
    const holder = last && (await holderOf(join(directory, nameOf(last))));
    if (holder) return { holder };
    const generation = (last ?? 0) + 1;
    const name = join(directory, nameOf(generation));
    try {
      await link(own, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      continue;
    }
    const [highest, ...older] = await generationsIn(directory);
    if (highest === generation) {
      for (const dead of older) await rm(join(directory, nameOf(dead)), { force: true });
      return { name };
    }
    // Others had come and gone on since we asked.
    await rm(name, { force: true });
  }
  return { holder: 'unknown' };
};

/**
 * Takes the data directory for this process; throws an OperatorError naming the holder when it is taken.
 * The lock is a listening Unix socket, so that it ends with the process however that dies.
 */
export const lockDataDir = async (dataDir: string): Promise<DataDirLock> => {
  await makeDataDir(dataDir, 0o700);
  const directory = await socketDirectory(dataDir, undefined);
  const own = join(directory, randomBytes(4).toString('hex'));
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(String(process.pid));
  });
  server.unref();
  await listen(server, own);
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  try {
    const claimed = await claim(own, directory);
    if ('holder' in claimed)
      throw new OperatorError(
        `the data directory ${dataDir} is in use by another candor (process ${claimed.holder}); stop it first, or set data_dir to another place`,
      );
    await rm(own, { force: true });
    return {
      release: async () => {
        await close();
        await leaveSocketDirectory(directory, claimed.name);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
};
