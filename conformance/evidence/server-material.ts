import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Homeserver } from '../homeserver.ts';
import type { CapturedExchange } from '../peer/capture-proxy.ts';
import type { Material } from './find-secrets.ts';

/** Every row of every table, as `candor export` writes them. */
export type Dump = {
  readonly bytes: Buffer;
  /** The rows of one table. */
  rows(table: string): Readonly<Record<string, unknown>>[];
};

/** The whole database of a running server. */
export const dumpDatabase = async (server: Homeserver): Promise<Dump> => {
  const file = join(server.dataDir, `../dump-${randomBytes(4).toString('hex')}.ndjson`);
  await server.run(['export', '--out', file]);
  const bytes = await readFile(file);
  await rm(file);
  const lines = bytes.toString().trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as { table?: string; row?: object });
  return {
    bytes,
    rows: (table) =>
      parsed.flatMap((one) =>
        one.table === table ? [{ ...one.row } as Record<string, unknown>] : [],
      ),
  };
};

/** Every file below the data directory, the pages and the journal of PostgreSQL among them. */
const readFiles = async (server: Homeserver): Promise<Material[]> => {
  const entries = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      // PostgreSQL may take a file away while we look.
      const bytes = await readFile(path).catch(() => undefined);
      return bytes && { name: `${server.serverName} ${relative(server.dataDir, path)}`, bytes };
    }),
  );
  return read.filter((one) => one !== undefined);
};

/** All that a server keeps: its database, every file of its data directory (media too), its log. */
export const serverMaterial = async (server: Homeserver): Promise<Material[]> => [
  { name: `${server.serverName} database dump`, bytes: (await dumpDatabase(server)).bytes },
  { name: `${server.serverName} log`, bytes: Buffer.from(await server.logs()) },
  ...(await readFiles(server)),
];

/** What crossed between the servers. */
export const capturedMaterial = (exchanges: readonly CapturedExchange[]): Material[] =>
  exchanges.flatMap(({ to, method, path, headers, body, answer }) => {
    const name = `traffic to ${to}: ${method} ${path}`;
    return [
      { name, bytes: Buffer.concat([Buffer.from(`${path}\n${JSON.stringify(headers)}\n`), body]) },
      { name: `${name}, answer`, bytes: answer },
    ];
  });
