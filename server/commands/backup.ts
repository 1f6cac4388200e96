import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import type { Config } from '../config/read-config.ts';
import { exportAll } from './export.ts';

/** What a restore makes anew. */
const leftOut = /^(postgresql.*|run|incoming)$/;

/**
 * Copies the database as it is at one moment, and with it keys, media and certificates, into a new folder, also while
 * the server runs; 0 when done.
 */
export const backup = async (config: Config, out: string): Promise<number> => {
  // Whoever reads it can read everything that is not end-to-end encrypted, and speak as this server.
  await mkdir(out, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EEXIST' ? 'is there already' : `cannot be made (${cause.code})`;
    throw new OperatorError(`${out} ${why}`, { cause });
  });
  await exportAll(config, join(out, 'database.ndjson'));
  // After the database: a file is there before a row names it.
  for (const name of await readdir(config.dataDir))
    if (!leftOut.test(name))
      await cp(join(config.dataDir, name), join(out, 'data', name), {
        recursive: true,
        filter: (source) => !leftOut.test(basename(source)),
      });
  // The last: a folder without it is no whole backup.
  await writeFile(
    join(out, 'backup.json'),
    `{"server_name":${JSON.stringify(config.serverName)}}\n`,
  );
  process.stdout.write(`the backup is in ${out}\n`);
  return 0;
};
