import { execFile } from 'node:child_process';
import { lchown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OperatorError } from '../config/operator-error.ts';
import { type Account, namedAccount } from './embedded-postgres-account.ts';
import { type PostgresBinaries, postgresEnvironment } from './embedded-postgres-binaries.ts';
import { giveTo } from './embedded-postgres-ownership.ts';

export type Cluster = {
  readonly directory: string;
  /** How the programs call the directory, which they are started in. */
  readonly path: string;
  readonly socketDirectory: string;
  readonly binaries: PostgresBinaries;
  readonly account: Account | undefined;
};

export const superuser = 'candor';

/**
 * Small on purpose: the database shares a small machine with the server, which keeps the hot data
 * itself. Durability is left as PostgreSQL has it.
 */
const settingsOf = (cluster: Cluster): Readonly<Record<string, string | number>> => ({
  listen_addresses: '',
  unix_socket_directories: cluster.socketDirectory,
  unix_socket_permissions: '0700',
  port: 5432,
  max_connections: 40,
  shared_buffers: '32MB',
  effective_cache_size: '512MB',
  work_mem: '4MB',
  maintenance_work_mem: '64MB',
  random_page_cost: 1.1,
  // Every process less is 1 to 2 MB less; one server's queries are too short for parallel plans.
  max_worker_processes: 0,
  max_parallel_workers: 0,
  max_parallel_workers_per_gather: 0,
  max_parallel_maintenance_workers: 0,
  max_logical_replication_workers: 0,
  max_wal_senders: 0,
  jit: 'off',
  ...(cluster.binaries.major >= 18 && { io_method: 'sync' }),
  fsync: 'on',
  synchronous_commit: 'on',
  wal_buffers: '4MB',
  min_wal_size: '48MB',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // No statements and no row values: `log` leaves out errors of single statements, which the
  // server sees itself; `terse` leaves out details.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
});

const configurationOf = (settings: Readonly<Record<string, string | number>>): string =>
  [
    '# Written by candor at every start. Settings of your own belong into local.conf beside this file.',
    ...Object.entries(settings).map(
      ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`,
    ),
    "include_if_exists = 'local.conf'",
    '',
  ].join('\n');

// The socket directory is private to the account and to root, so the socket itself asks nothing.
const hostBasedAuthentication = 'local all all trust\n';

const initialise = async (cluster: Cluster): Promise<void> => {
  const { directory, path, binaries, account } = cluster;
  const maker = account && (await namedAccount());
  const staging = `${directory}.new`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o700 });
  if (maker !== undefined) await giveTo(maker, staging);
  const options = ['--locale=C', '--encoding=UTF8', '--data-checksums', '--auth=trust'];
  await promisify(execFile)(
    join(binaries.directory, 'initdb'),
    ['-D', path === directory ? staging : path, '-U', superuser, ...options, '--no-instructions'],
    { ...maker, env: postgresEnvironment, cwd: staging },
  ).catch((cause: Error) => {
    throw new OperatorError(`could not make the database in ${directory}: ${cause.message}`, {
      cause,
    });
  });
  if (account !== undefined) await giveTo(account, staging);
  await rename(staging, directory);
};

const checkMajor = async ({ directory, binaries }: Cluster): Promise<void> => {
  const found = (await readFile(join(directory, 'PG_VERSION'), 'latin1')).trim();
  if (found === String(binaries.major)) return;
  throw new OperatorError(
    `the database in ${directory} was made by PostgreSQL ${found}, but the programs here are PostgreSQL ${binaries.major}. ` +
      `Set database.bin_dir to the folder of PostgreSQL ${found}'s programs (such as /usr/lib/postgresql/${found}/bin), or carry the data over with pg_upgrade, or with pg_dumpall from the old programs into an empty data_dir`,
  );
};

const checkOwner = async ({ directory, account }: Cluster): Promise<void> => {
  const { uid } = await stat(directory);
  const own = account?.uid ?? process.getuid?.();
  if (uid === own) return;
  if (account === undefined)
    throw new OperatorError(
      `${directory} belongs to user id ${uid}, but candor runs as ${own}; run it as the user who made the data directory`,
    );
  await giveTo(account, directory);
};

/** A new file each time: root does not write through a link that the account may have put there. */
const writeFor = async (account: Account | undefined, path: string, text: string) => {
  await rm(path, { force: true });
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  if (account !== undefined) await lchown(path, account.uid, account.gid);
};

const exists = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;

/** Makes the cluster when there is none, checks its major version, its owner and its configuration. */
export const prepareCluster = async (
  cluster: Cluster,
  settings: Readonly<Record<string, string | number>>,
): Promise<void> => {
  const { directory, account, socketDirectory } = cluster;
  if (account !== undefined) await giveTo(account, socketDirectory);
  if (await exists(directory)) await checkOwner(cluster);
  if (!(await exists(join(directory, 'PG_VERSION')))) {
    if ((await readdir(directory).catch(() => [])).length > 0)
      throw new OperatorError(`${directory} is not empty, but holds no PostgreSQL cluster`);
    await initialise(cluster);
  }
  await checkMajor(cluster);
  const configuration = configurationOf({ ...settingsOf(cluster), ...settings });
  await writeFor(account, join(directory, 'postgresql.conf'), configuration);
  await writeFor(account, join(directory, 'pg_hba.conf'), hostBasedAuthentication);
};
