import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, realpath, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { OperatorError } from '../config/operator-error.ts';
import type { Logger } from '../log.ts';
import { type Account, postgresAccount } from './embedded-postgres-account.ts';
import { findPostgresBinaries, postgresEnvironment } from './embedded-postgres-binaries.ts';
import { type Cluster, prepareCluster, superuser } from './embedded-postgres-cluster.ts';
import { stopOrphan } from './embedded-postgres-orphan.ts';
import { folderInTheWay } from './embedded-postgres-ownership.ts';
import { lockDataDir } from './lock-data-dir.ts';
import { leaveSocketDirectory, socketDirectory } from './socket-directory.ts';

export type PostgresConnection = {
  /** The directory of the Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
};

export type EmbeddedPostgres = {
  readonly connection: PostgresConnection;
  /** The postmaster; undefined while it is down. */
  readonly pid: number | undefined;
  /** `down` from a crash until it answers again: callers answer 503 meanwhile. */
  readonly state: 'up' | 'down' | 'stopped';
  readonly stop: () => Promise<void>;
  /** Lets the process end by itself although the database runs; it is stopped on the way out. */
  readonly unref: () => void;
};

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  readonly binDir?: string | undefined;
  readonly log: Logger;
  readonly onStateChange?: (state: EmbeddedPostgres['state']) => void;
  /** Settings of postgresql.conf over ours. */
  readonly settings?: Readonly<Record<string, string | number>>;
};

const readyPollMs = 15;
const fastStopMsMax = 30_000;
const immediateStopMsMax = 5_000;
const backoffMsMin = 100;
const backoffMsMax = 30_000;
const linesKept = 20;

const isRunning = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null && child.pid !== undefined;

/** Its own session, so that a Ctrl-C in the terminal ends the server first and the database after it. */
const launch = ({ directory, path, binaries, account }: Cluster, log: Logger) => {
  const child = spawn(join(binaries.directory, 'postgres'), ['-D', path], {
    ...account,
    cwd: directory,
    env: postgresEnvironment,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.on('error', (err) => log.warn({ err }, 'PostgreSQL could not be run'));
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastLines.push(line);
    if (lastLines.length > linesKept) lastLines.shift();
    log[/^(?:FATAL(?!: {2}the database system is)|PANIC):/.test(line) ? 'warn' : 'debug'](line);
  });
  return { child, lastLines };
};

/** True when it answers (a recovery after a crash may take its time), false when it ended before. */
const isReady = async (child: ChildProcess, connection: PostgresConnection): Promise<boolean> => {
  while (isRunning(child)) {
    const client = new pg.Client({ ...connection, database: 'postgres' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [
        connection.database,
      ]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${connection.database}`);
      return true;
    } catch {
      await sleep(readyPollMs);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return false;
};

const letGo = (child: ChildProcess): void => {
  child.unref();
  if (child.stderr instanceof Socket) child.stderr.unref();
};

const endsWithin = async (child: ChildProcess, ms: number): Promise<boolean> => {
  const timer = new AbortController();
  const exit = isRunning(child) ? once(child, 'exit', { signal: timer.signal }) : undefined;
  const late = sleep(ms, undefined, { signal: timer.signal });
  await Promise.race([exit, late]);
  timer.abort();
  await Promise.allSettled([exit, late]);
  return !isRunning(child);
};

/** A fast shutdown; when that hangs an immediate one, after which the next start recovers. */
const end = async (child: ChildProcess, log: Logger): Promise<void> => {
  child.ref();
  child.kill('SIGINT');
  if (await endsWithin(child, fastStopMsMax)) return;
  log.warn({ pid: child.pid }, 'PostgreSQL does not stop, stopping it at once');
  child.kill('SIGQUIT');
  if (await endsWithin(child, immediateStopMsMax)) return;
  child.kill('SIGKILL');
  await endsWithin(child, immediateStopMsMax);
};

/** The name of the cluster for an account that may not pass through a folder above it. */
const pathFor = async (account: Account | undefined, directory: string): Promise<string> => {
  const barrier = account && (await folderInTheWay(account, directory));
  if (barrier === undefined) return directory;
  // We enter the folder before we give up root's rights, and it stays the working directory.
  if (process.platform === 'linux') return '/proc/self/cwd';
  throw new OperatorError(
    `PostgreSQL refuses to run as root, so it runs as user id ${account?.uid}, which may not pass through ${barrier}. ` +
      `Set data_dir to a place like /var/lib/candor, or allow it with: chmod o+x ${barrier}, or run candor as an ordinary user`,
  );
};

const supervise = async (
  cluster: Cluster,
  connection: PostgresConnection,
  { log, onStateChange }: EmbeddedPostgresOptions,
  afterStop: () => Promise<void>,
): Promise<EmbeddedPostgres> => {
  const first = launch(cluster, log);
  let child = first.child;
  if (!(await isReady(child, connection)))
    throw new OperatorError(
      `PostgreSQL did not start in ${cluster.directory}: ${first.lastLines.join(' / ')}`,
    );
  let state: EmbeddedPostgres['state'] = 'up';
  const stopping = new AbortController();
  const change = (next: EmbeddedPostgres['state']) => {
    state = next;
    onStateChange?.(next);
  };
  const restart = async () => {
    for (let waitMs = backoffMsMin; ; waitMs = Math.min(waitMs * 2, backoffMsMax)) {
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      child = launch(cluster, log).child;
      if (await isReady(child, connection)) break;
    }
    if (stopping.signal.aborted) return;
    watch();
    log.info({ pid: child.pid }, 'PostgreSQL is up again');
    change('up');
  };
  let restarting: Promise<void> | undefined;
  const watch = () =>
    child.once('exit', (code, signal) => {
      if (stopping.signal.aborted) return;
      log.warn({ code, signal }, 'PostgreSQL ended unexpectedly, starting it again');
      change('down');
      restarting = restart();
    });
  watch();
  const endWithProcess = () => void child.kill('SIGINT');
  process.once('exit', endWithProcess);
  const stop = async () => {
    stopping.abort();
    if (isRunning(child)) await end(child, log);
    await restarting;
    process.removeListener('exit', endWithProcess);
    await afterStop();
    change('stopped');
  };
  let stopped: Promise<void> | undefined;
  return {
    connection,
    get pid() {
      return isRunning(child) ? child.pid : undefined;
    },
    get state() {
      return state;
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    unref: () => letGo(child),
  };
};

/**
 * Starts the server's own PostgreSQL on a Unix socket under `dataDir`, making the cluster at the first
 * start, and restarts it when it crashes. Holds the data directory's lock until `stop`.
 */
export const startEmbeddedPostgres = async (
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> => {
  const { binDir, log, settings = {} } = options;
  const account = postgresAccount();
  // The account of the database passes through to its own folder; it cannot list this one.
  const mode = account === undefined ? 0o700 : 0o711;
  await mkdir(options.dataDir, { recursive: true, mode });
  const dataDir = await realpath(options.dataDir);
  if (account !== undefined) await chmod(dataDir, mode);
  const lock = await lockDataDir(dataDir);
  try {
    const sockets = await socketDirectory(dataDir, account);
    const directory = join(dataDir, 'postgresql');
    await stopOrphan(directory, log);
    // What a killed database left here names a process id that may be another's by now.
    for (const name of ['.s.PGSQL.5432', '.s.PGSQL.5432.lock'])
      await rm(join(sockets, name), { force: true });
    const binaries = await findPostgresBinaries(dataDir, binDir, account);
    const path = await pathFor(account, directory);
    const cluster = { directory, path, socketDirectory: sockets, binaries, account };
    await prepareCluster(cluster, settings);
    const connection = { host: sockets, port: 5432, user: superuser, database: 'candor' };
    return await supervise(cluster, connection, options, async () => {
      await leaveSocketDirectory(sockets);
      await lock.release();
    });
  } catch (error) {
    await lock.release();
    throw error;
  }
};
