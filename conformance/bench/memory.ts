import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Homeserver } from '../homeserver.ts';

export type Memory = {
  /** Resident set of the server's process. */
  readonly serverMb: number;
  /** Proportional set of all processes of its PostgreSQL: memory they share is counted once. */
  readonly databaseMb: number;
};

const kibibytes = async (file: string, name: string): Promise<number> => {
  const text = await readFile(file, 'utf8').catch(() => '');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
};

const childrenOf = async (pid: number): Promise<string[]> => {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    all.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
      // The name, in brackets, may hold anything; the state and the parent come after it.
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    }),
  );
  return all.filter((_, index) => parents[index] === pid);
};

/** Memory of a running homeserver of ours, or undefined where `/proc` does not say. */
export const readMemory = async ({ pid, dataDir }: Homeserver): Promise<Memory | undefined> => {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  const pidFile = await readFile(join(dataDir, 'postgresql/postmaster.pid'), 'latin1');
  const postmaster = Number(pidFile.split('\n', 1)[0]);
  const processes = [`${postmaster}`, ...(await childrenOf(postmaster))];
  const shares = await Promise.all(
    processes.map((one) => kibibytes(`/proc/${one}/smaps_rollup`, 'Pss')),
  );
  return {
    serverMb: (await kibibytes(`/proc/${pid}/status`, 'VmRSS')) / 1024,
    databaseMb: shares.reduce((sum, one) => sum + one, 0) / 1024,
  };
};
