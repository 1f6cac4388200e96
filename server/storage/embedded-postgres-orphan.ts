import { execFile } from 'node:child_process';
import { readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { OperatorError } from '../config/operator-error.ts';
import type { Logger } from '../log.ts';

const stopMsMax = 60_000;
const pollMs = 20;

/** Process ids are reused, above all in containers, so the process itself is asked whose it is. */
const isPostmasterOf = async (pid: number, cluster: string): Promise<boolean> => {
  if (process.platform === 'linux') {
    const workingDirectory = await realpath(`/proc/${pid}/cwd`).catch(() => undefined);
    return workingDirectory === (await realpath(cluster));
  }
  const listed = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(
    () => undefined,
  );
  return listed?.stdout.includes(cluster) ?? false;
};

const isGoneWithin = async (ms: number, pid: number, cluster: string): Promise<boolean> => {
  for (let waited = 0; waited < ms; waited += pollMs) {
    if (!(await isPostmasterOf(pid, cluster))) return true;
    await sleep(pollMs);
  }
  return false;
};

/**
 * Stops the postmaster that a killed candor left running on this cluster, and removes a
 * `postmaster.pid` that nobody stands behind. Call it only while holding the data directory's lock.
 */
export const stopOrphan = async (cluster: string, log: Logger): Promise<void> => {
  const pidFile = join(cluster, 'postmaster.pid');
  const text = await readFile(pidFile, 'latin1').catch(() => undefined);
  if (text === undefined) return;
  const pid = Number(text.split('\n', 1)[0]);
  if (Number.isSafeInteger(pid) && pid > 1 && (await isPostmasterOf(pid, cluster))) {
    log.warn({ pid }, 'stopping the PostgreSQL that an earlier candor left running');
    process.kill(pid, 'SIGINT');
    if (!(await isGoneWithin(stopMsMax, pid, cluster)))
      throw new OperatorError(
        `the PostgreSQL that an earlier candor left running (process ${pid}) does not stop; end it with: kill -QUIT ${pid}`,
      );
  }
  await rm(pidFile, { force: true });
};
