import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../config/operator-error.ts';
import type { Config } from '../config/read-config.ts';
import { rotateSigningKey } from '../config/signing-key.ts';
import { lockDataDir } from '../storage/lock-data-dir.ts';

/** Makes a new signing key for the next start and keeps the public part of the old one; 0 when done. */
export const rotateKeys = async ({ dataDir }: Config): Promise<number> => {
  const file = join(dataDir, 'keys', 'signing.key');
  if ((await stat(file).catch(() => undefined)) === undefined)
    throw new OperatorError(`${file} is not there yet: there is nothing to rotate`);
  const lock = await lockDataDir(dataDir);
  try {
    const { from, to } = await rotateSigningKey(dataDir, Date.now());
    process.stdout.write(
      `${from.keyId} signs nothing any more; what it signed stays good\n${to.keyId} signs from the next start on: keep a copy of ${file}\n`,
    );
  } finally {
    await lock.release();
  }
  return 0;
};
