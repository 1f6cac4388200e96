import { chmod, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import type { Logger } from '../log.ts';
import { type Account, postgresAccount } from './embedded-postgres-account.ts';
import { findPostgresBinaries } from './embedded-postgres-binaries.ts';
import { prepareCluster, superuser } from './embedded-postgres-cluster.ts';
import { stopOrphan } from './embedded-postgres-orphan.ts';
import { folderInTheWay } from './embedded-postgres-ownership.ts';
import {
  type EmbeddedPostgres,
  type PostgresConnection,
  supervisePostgres,
} from './embedded-postgres-supervisor.ts';
import { lockDataDir } from './lock-data-dir.ts';
import { makeDataDir } from './make-data-dir.ts';
import { leaveSocketDirectory, socketDirectory } from './socket-directory.ts';

export type { EmbeddedPostgres };

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  readonly binDir?: string | undefined;
  readonly log: Logger;
  readonly onStateChange?: (state: EmbeddedPostgres['state']) => void;
  /** Settings of postgresql.conf over ours. */
  readonly settings?: Readonly<Record<string, string | number>>;
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

const connectionAt = (sockets: string): PostgresConnection => ({
  host: sockets,
  port: 5432,
  user: superuser,
  database: 'candor',
});

/** How the database of a server that runs on `dataDir` is reached, whether or not one does. */
export const runningPostgres = async (dataDir: string): Promise<PostgresConnection> =>
  connectionAt(await socketDirectory(dataDir, postgresAccount()));

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
  await makeDataDir(options.dataDir, mode);
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
    const connection = connectionAt(sockets);
    const afterStop = async () => {
      await leaveSocketDirectory(sockets);
      await lock.release();
    };
    return await supervisePostgres({ ...options, cluster, connection, afterStop });
  } catch (error) {
    await lock.release();
    throw error;
  }
};
