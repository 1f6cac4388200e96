import { mkdir } from 'node:fs/promises';
import { OperatorError } from '../config/operator-error.ts';

/** Makes the data directory where there is none; throws an OperatorError when that cannot be. */
export const makeDataDir = async (dataDir: string, mode: number): Promise<void> => {
  await mkdir(dataDir, { recursive: true, mode }).catch((cause: NodeJS.ErrnoException) => {
    throw new OperatorError(`data_dir: ${dataDir} cannot be made (${cause.code})`, { cause });
  });
};
