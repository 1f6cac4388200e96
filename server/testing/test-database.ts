import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createLog } from '../log.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../storage/embedded-postgres.ts';

/** The part of a test that is needed here: tap's `t`, or anything that cleans up at its end. */
export type Teardown = { readonly teardown: (clean: () => Promise<void>) => unknown };

export type TestDatabase = {
  /** `postgres://user@/name?host=/dir`, or like CANDOR_TEST_DATABASE_URL with another database name. */
  readonly url: string;
};

/** A cluster for tests: nothing is kept, so nothing is synced, and many test files share it. */
export const startTestCluster = async (): Promise<{
  readonly url: string;
  readonly postgres: EmbeddedPostgres;
  readonly stop: () => Promise<void>;
}> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'candor-test-'));
  const log = createLog({ level: 'warn', destination: process.stderr });
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: 300 };
  const postgres = await startEmbeddedPostgres({ dataDir, log, settings });
  const { host, user } = postgres.connection;
  return {
    url: `postgres://${user}@/postgres?host=${encodeURIComponent(host)}`,
    postgres,
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

let ownCluster: Promise<string> | undefined;

const startOwnCluster = async (): Promise<string> => {
  const cluster = await startTestCluster();
  cluster.postgres.unref();
  process.once('beforeExit', () => void cluster.stop());
  return cluster.url;
};

const execute = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};

const withDatabase = (url: string, name: string): string =>
  url.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${name}`);

/**
 * A fresh empty database, dropped at the end of the test: on the server of CANDOR_TEST_DATABASE_URL,
 * else on an embedded cluster that this process starts once.
 */
export const testDatabase = async (t: Teardown): Promise<TestDatabase> => {
  const given = process.env['CANDOR_TEST_DATABASE_URL'];
  ownCluster ??= given === undefined ? startOwnCluster() : Promise.resolve(given);
  const server = await ownCluster;
  const name = `candor_test_${randomBytes(6).toString('hex')}`;
  await execute(
    server,
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  t.teardown(() => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return { url: withDatabase(server, name) };
};
