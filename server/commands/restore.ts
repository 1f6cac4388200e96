import { chmod, cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import type { Config } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { openDatabase } from '../storage/database.ts';
import { startEmbeddedPostgres } from '../storage/embedded-postgres.ts';
import { importDatabase } from '../storage/import-database.ts';
import { makeDataDir } from '../storage/make-data-dir.ts';

const checkBackup = async (from: string, { serverName }: Config): Promise<void> => {
  const text = await readFile(join(from, 'backup.json'), 'utf8').catch((cause) => {
    throw new OperatorError(`${from} holds no whole backup: backup.json is missing`, { cause });
  });
  const { server_name } = JSON.parse(text);
  if (server_name !== serverName)
    throw new OperatorError(`the backup is of ${server_name}, the settings are of ${serverName}`);
};

/** Puts a backup into an empty data directory; 0 when done. */
export const restore = async (config: Config, from: string): Promise<number> => {
  const { dataDir, database } = config;
  if (database.url !== undefined)
    throw new OperatorError(
      'restore is for the embedded database: without database.url, into an empty data directory',
    );
  await checkBackup(from, config);
  await makeDataDir(dataDir, 0o700);
  if ((await readdir(dataDir)).length > 0)
    throw new OperatorError(`${dataDir} is not empty; set data_dir to a new place`);
  const log = createLog({ level: 'warn', destination: process.stderr });
  await cp(join(from, 'data'), dataDir, { recursive: true });
  await chmod(join(dataDir, 'keys'), 0o700);
  const postgres = await startEmbeddedPostgres({ dataDir, binDir: database.binDir, log });
  try {
    const schema = await openDatabase({
      connection: postgres.connection,
      connectionsMax: 1,
      publish: () => undefined,
      onError: () => undefined,
    });
    await schema.close();
    const file = join(from, 'database.ndjson');
    const { rows } = await importDatabase(postgres.connection, file).catch((cause: Error) => {
      if (cause instanceof OperatorError) throw cause;
      throw new OperatorError(`${file} does not fit the tables: ${cause.message}`, { cause });
    });
    process.stdout.write(`${rows} rows, the keys and the media are in ${dataDir}\n`);
  } finally {
    await postgres.stop();
  }
  return 0;
};
