import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import t from 'tap';
import { createLog } from '../log.ts';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';

t.setTimeout(300_000);

const isRoot = process.getuid?.() === 0;
const ordinaryUid = 65_534;
const log = createLog({ level: 'silent' });
const folder = await mkdtemp(join(tmpdir(), 'candor-pg-'));
await chmod(folder, 0o755);
const dataDir = join(folder, 'data');
const cluster = join(dataDir, 'postgresql');
t.teardown(() => rm(folder, { recursive: true, force: true }));

const start = (options: Partial<EmbeddedPostgresOptions> = {}) =>
  startEmbeddedPostgres({ dataDir, log, ...options });

type Connection = EmbeddedPostgres['connection'];

const query = async (connection: Connection, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const holdProgram = `
  const { createLog } = await import('${join(import.meta.dirname, '../log.ts')}');
  const { startEmbeddedPostgres } = await import('${join(import.meta.dirname, 'embedded-postgres.ts')}');
  const log = createLog({ level: 'silent' });
  const postgres = await startEmbeddedPostgres({ dataDir: process.argv[1], log });
  process.once('SIGTERM', postgres.stop);
  console.log(JSON.stringify({ pid: postgres.pid, connection: postgres.connection }));`;

/** Another process that holds a data directory; resolves when its database is up. */
const hold = async (directory: string, uid?: number) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', holdProgram, directory], {
    ...(uid !== undefined && { uid, gid: uid }),
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { child, ...(JSON.parse(String(line)) as { pid: number; connection: Connection }) };
};

t.test('the first start makes a durable cluster on a private Unix socket', async (t) => {
  const postgres = await start();
  t.equal(postgres.state, 'up');
  const setting = async (name: string) =>
    (await query(postgres.connection, `SELECT current_setting('${name}') AS value`))[0]?.['value'];
  for (const [name, value] of [
    ['fsync', 'on'],
    ['synchronous_commit', 'on'],
    ['full_page_writes', 'on'],
    ['data_checksums', 'on'],
    ['listen_addresses', ''],
    ['server_encoding', 'UTF8'],
    ['unix_socket_permissions', '0700'],
  ] as const)
    t.equal(await setting(name), value, name);
  const [database] = await query(
    postgres.connection,
    'SELECT datcollate, datctype, datname FROM pg_database WHERE datname = current_database()',
  );
  t.strictSame({ ...database }, { datcollate: 'C', datctype: 'C', datname: 'candor' });
  for (const path of [cluster, postgres.connection.host])
    t.equal((await stat(path)).mode & 0o777, 0o700, path);
  if (isRoot) t.not((await stat(cluster)).uid, 0, 'not as root');

  await query(postgres.connection, 'CREATE TABLE kept (word text)');
  await query(postgres.connection, "INSERT INTO kept VALUES ('first')");
  await t.rejects(start(), new RegExp(`in use by another candor \\(process ${process.pid}\\)`));
  t.equal(postgres.state, 'up', 'the refused start harms nothing');
  const { pid } = postgres;
  await Promise.all([postgres.stop(), postgres.stop()]);
  t.equal(postgres.state, 'stopped');
  t.equal(postgres.pid, undefined);
  t.notOk(pid === undefined || lives(pid));
});

t.test('a restart keeps the data and the operator’s own settings', async (t) => {
  await writeFile(join(cluster, 'local.conf'), "work_mem = '5MB'\n", { mode: 0o644 });
  const postgres = await start();
  const { connection } = postgres;
  t.match(await query(connection, 'SELECT word FROM kept'), [{ word: 'first' }]);
  t.match(await query(connection, 'SHOW work_mem'), [{ work_mem: '5MB' }]);
  await postgres.stop();
});

t.test('a crash is told and the database comes back with what was committed', async (t) => {
  const states: string[] = [];
  const { promise: isUpAgain, resolve } = Promise.withResolvers<void>();
  const postgres = await start({
    onStateChange: (state) => {
      states.push(state);
      if (state === 'up') resolve();
    },
  });
  await query(postgres.connection, "INSERT INTO kept VALUES ('before the crash')");
  const { pid } = postgres;
  if (pid === undefined) throw new Error('not running');
  process.kill(pid, 'SIGKILL');
  await isUpAgain;
  t.strictSame(states, ['down', 'up']);
  t.not(postgres.pid, pid);
  t.match(await query(postgres.connection, 'SELECT count(*)::int FROM kept'), [{ count: 2 }]);
  await postgres.stop();
  t.strictSame(states, ['down', 'up', 'stopped']);
});

t.test('a stop during the restart after a crash stays stopped', async (t) => {
  const { promise: isDown, resolve } = Promise.withResolvers<void>();
  const postgres = await start({ onStateChange: (state) => state === 'down' && resolve() });
  process.kill(postgres.pid ?? 0, 'SIGKILL');
  await isDown;
  await postgres.stop();
  t.equal(postgres.state, 'stopped');
  t.equal(postgres.pid, undefined);
});

t.test('the database that a killed server left running is taken over', async (t) => {
  const held = await hold(dataDir);
  await query(held.connection, "INSERT INTO kept VALUES ('by the killed')");
  held.child.kill('SIGKILL');
  await once(held.child, 'exit');
  t.ok(lives(held.pid), 'it runs on');
  const postgres = await start();
  t.not(postgres.pid, held.pid);
  t.match(await query(postgres.connection, 'SELECT count(*)::int FROM kept'), [{ count: 3 }]);
  await postgres.stop();
});

t.test('a stale postmaster.pid that names a living stranger is no hindrance', async (t) => {
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  t.teardown(() => stranger.kill('SIGKILL'));
  const lines = [stranger.pid, cluster, 1_700_000_000, 5432, join(dataDir, 'run'), '', ''];
  await writeFile(join(cluster, 'postmaster.pid'), lines.join('\n'));
  await writeFile(join(dataDir, 'run', '.s.PGSQL.5432.lock'), lines.join('\n'));
  const postgres = await start();
  t.match(await query(postgres.connection, 'SELECT 1 AS one'), [{ one: 1 }]);
  await postgres.stop();
  t.equal(stranger.exitCode, null);
  t.equal(stranger.signalCode, null);
});

t.test(
  'a cluster of another major version, or none at all, is refused and left alone',
  async (t) => {
    const versionFile = join(cluster, 'PG_VERSION');
    const version = await readFile(versionFile, 'utf8');
    await writeFile(versionFile, '17\n');
    await t.rejects(start(), /made by PostgreSQL 17, .*database\.bin_dir/);
    t.equal(await readFile(versionFile, 'utf8'), '17\n');
    await rm(versionFile);
    await t.rejects(start(), /not empty, but holds no PostgreSQL cluster/);
    await writeFile(versionFile, version);
  },
);

t.test('a setting PostgreSQL refuses fails the start with its words', async (t) => {
  await t.rejects(start({ settings: { max_connections: 'many' } }), /max_connections/);
});

t.test('a data directory too deep for a socket works', async (t) => {
  const deep = join(folder, 'd'.repeat(100), 'data');
  const postgres = await start({ dataDir: deep });
  const { host } = postgres.connection;
  t.ok(host.length < 90);
  t.equal((await stat(host)).mode & 0o777, 0o700);
  t.match(await query(postgres.connection, 'SELECT 1 AS one'), [{ one: 1 }]);
  await postgres.stop();
});

const asRoot = { skip: !isRoot && 'needs root' };

t.test('root keeps it behind a private home, where its account may not go', asRoot, async (t) => {
  const home = join(folder, 'home');
  await mkdir(home, { mode: 0o700 });
  for (const word of ['first start', 'second start']) {
    const postgres = await start({ dataDir: join(home, 'data') });
    t.equal((await stat(join(home, 'data', 'postgresql', 'PG_VERSION'))).uid, 59_432);
    t.notOk(postgres.connection.host.startsWith(home));
    await query(postgres.connection, 'CREATE TABLE IF NOT EXISTS kept (word text)');
    await query(postgres.connection, `INSERT INTO kept VALUES ('${word}')`);
    if (word === 'second start')
      t.match(await query(postgres.connection, 'SELECT count(*)::int FROM kept'), [{ count: 2 }]);
    await postgres.stop();
  }
});

const program = join(import.meta.dirname, '../bin/candor.js');
const ordinary = { uid: ordinaryUid, gid: ordinaryUid, cwd: '/' };
const isReadable =
  isRoot && spawnSync(process.execPath, [program, 'version'], ordinary).status === 0;
const asOther = {
  skip: isReadable
    ? false
    : isRoot
      ? 'this checkout is not readable to an ordinary user'
      : 'needs root',
};

t.test('an ordinary user runs the database under the same user id', asOther, async (t) => {
  const home = join(folder, 'ordinary');
  await mkdir(home, { mode: 0o700 });
  await chown(home, ordinaryUid, ordinaryUid);
  const held = await hold(join(home, 'data'), ordinaryUid);
  t.equal((await stat(join(home, 'data', 'postgresql'))).uid, ordinaryUid);
  t.match(await query(held.connection, 'SELECT 1 AS one'), [{ one: 1 }]);
  held.child.kill('SIGTERM');
  const [code] = await once(held.child, 'exit');
  t.equal(code, 0);
  t.notOk(lives(held.pid));
});
