import { access, constants, mkdir } from 'node:fs/promises';
import { OperatorError } from '../config/operator-error.ts';

/** Makes the data directory where there is none; throws an OperatorError when that cannot be, or nothing can be written there. */
export const makeDataDir = async (dataDir: string, mode: number): Promise<void> => {
  await mkdir(dataDir, { recursive: true, mode }).catch((cause: NodeJS.ErrnoException) => {
    throw new OperatorError(`data_dir: ${dataDir} cannot be made (${cause.code})`, { cause });
  });
  await access(dataDir, constants.W_OK).catch((cause) => {
    throw new OperatorError(
      `the data directory ${dataDir} is not writable for user id ${process.getuid?.()}; was it made by another user, such as root?`,
      { cause },
    );
  });
};
