import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { OperatorError } from '../config/operator-error.ts';
import type { Logger } from '../log.ts';
import { postgresEnvironment } from './embedded-postgres-binaries.ts';
import type { Cluster } from './embedded-postgres-cluster.ts';

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

export type Supervision = {
  readonly cluster: Cluster;
  readonly connection: PostgresConnection;
  readonly log: Logger;
  readonly onStateChange?: (state: EmbeddedPostgres['state']) => void;
  readonly afterStop: () => Promise<void>;
};

type Run = { readonly child: ChildProcess; readonly lastLines: readonly string[] };

const readyPollMs = 15;
const connectMsMax = 10_000;
const fastStopMsMax = 30_000;
const immediateStopMsMax = 5_000;
const backoffMsMin = 100;
const backoffMsMax = 30_000;
const linesKept = 20;

/** What a connection ends with while the database is on its way up: no socket yet, or still recovering. */
const notYetCodes: readonly unknown[] = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P03'];

const isRunning = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null && child.pid !== undefined;

/** Its own session, so that a Ctrl-C in the terminal ends the server first and the database after it. */
const launch = ({ directory, path, binaries, account }: Cluster, log: Logger): Run => {
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

const exitOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (isRunning(child)) child.once('exit', () => resolve());
    else resolve();
  });

const endsWithin = async (child: ChildProcess, ms: number): Promise<boolean> => {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([exitOf(child), late]);
  timer.abort();
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

const ensureDatabase = async (connection: PostgresConnection): Promise<void> => {
  const client = new pg.Client({
    ...connection,
    database: 'postgres',
    connectionTimeoutMillis: connectMsMax,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [
      connection.database,
    ]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${connection.database}`);
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** True when the database answers; false when it ended, or was ended because it cannot serve. */
const isReady = async (
  { child }: Run,
  connection: PostgresConnection,
  log: Logger,
): Promise<boolean> => {
  while (isRunning(child)) {
    try {
      await ensureDatabase(connection);
      return isRunning(child);
    } catch (error) {
      // A recovery after a crash may take minutes; anything else does not mend itself by waiting.
      if (error instanceof Error && 'code' in error && notYetCodes.includes(error.code))
        await sleep(readyPollMs);
      else if (isRunning(child)) {
        log.warn({ err: error }, 'PostgreSQL runs but cannot be used');
        await end(child, log);
      }
    }
  }
  return false;
};

/** Starts the database, starts it again with growing pauses whenever it ends by itself, and stops it. */
export const supervisePostgres = async (supervision: Supervision): Promise<EmbeddedPostgres> => {
  const { cluster, connection, log, onStateChange, afterStop } = supervision;
  const first = launch(cluster, log);
  if (!(await isReady(first, connection, log)))
    throw new OperatorError(
      `PostgreSQL did not start in ${cluster.directory}: ${first.lastLines.join(' / ')}`,
    );
  let { child } = first;
  let state: EmbeddedPostgres['state'] = 'up';
  const change = (next: EmbeddedPostgres['state']) => {
    state = next;
    onStateChange?.(next);
  };
  const stopping = new AbortController();
  const isUpAgain = async (waitMs: number): Promise<boolean> => {
    await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    if (stopping.signal.aborted) return false;
    const next = launch(cluster, log);
    child = next.child;
    return isReady(next, connection, log);
  };
  const keepUp = async () => {
    let waitMs = backoffMsMin;
    for (let upSince = Date.now(); ; upSince = Date.now()) {
      await exitOf(child);
      if (stopping.signal.aborted) return;
      const { exitCode, signalCode } = child;
      log.warn({ exitCode, signalCode }, 'PostgreSQL ended unexpectedly, starting it again');
      change('down');
      if (Date.now() - upSince > backoffMsMax) waitMs = backoffMsMin;
      while (!(await isUpAgain(waitMs)) && !stopping.signal.aborted)
        waitMs = Math.min(waitMs * 2, backoffMsMax);
      if (stopping.signal.aborted) return;
      log.info({ pid: child.pid }, 'PostgreSQL is up again');
      change('up');
    }
  };
  const kept = keepUp();
  const endWithProcess = () => void child.kill('SIGINT');
  process.once('exit', endWithProcess);
  const stop = async () => {
    stopping.abort();
    if (isRunning(child)) await end(child, log);
    await kept;
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
    unref: () => {
      child.unref();
      if (child.stderr instanceof Socket) child.stderr.unref();
    },
  };
};
