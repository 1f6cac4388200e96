import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import type { Config } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { describeDatabase } from '../storage/describe-database.ts';
import { runningPostgres, startEmbeddedPostgres } from '../storage/embedded-postgres.ts';
import { exportDatabase } from '../storage/export-database.ts';

type Source = {
  readonly connection: Parameters<typeof exportDatabase>[0];
  readonly close: () => Promise<void>;
};

/** The outside database, the one of a server that runs, or the embedded one, started for this. */
const openSource = async ({ dataDir, database }: Config): Promise<Source> => {
  const close = async () => undefined;
  if (database.url !== undefined) return { connection: { connectionString: database.url }, close };
  if ((await stat(join(dataDir, 'postgresql')).catch(() => undefined)) === undefined)
    throw new OperatorError(`${dataDir} holds no database yet`);
  const running = await runningPostgres(dataDir);
  const answers = await describeDatabase(running).catch(() => undefined);
  if (answers !== undefined) return { connection: running, close };
  const log = createLog({ level: 'warn', destination: process.stderr });
  const postgres = await startEmbeddedPostgres({ dataDir, binDir: database.binDir, log });
  return { connection: postgres.connection, close: postgres.stop };
};

/** Writes every row of every table to `out`; 0 when done. */
export const exportAll = async (config: Config, out: string): Promise<number> => {
  const isFolder = (await stat(out).catch(() => undefined))?.isDirectory() ?? false;
  const file = isFolder ? join(out, 'database.ndjson') : out;
  const source = await openSource(config);
  try {
    // Whoever reads it can read everything that is not end-to-end encrypted.
    const handle = await open(file, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EEXIST' ? 'is there already' : `cannot be made (${cause.code})`;
      throw new OperatorError(`${file} ${why}`, { cause });
    });
    const { tables, rows } = await exportDatabase(
      source.connection,
      createWriteStream('', { fd: handle }),
    );
    process.stdout.write(`${rows} rows of ${tables} tables are in ${file}\n`);
  } finally {
    await source.close();
  }
  return 0;
};
