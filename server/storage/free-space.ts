import { statfs } from 'node:fs/promises';
import { limits } from '@candor/spec';
import type { Logger } from '../log.ts';

/** Whether a disk is so full that nothing more should be begun. */
export type FreeSpace = { readonly isShort: boolean; readonly stop: () => void };

/** There is no room on the disk; it ends when the operator has made some. */
export class DiskFull extends Error {
  constructor(cause?: unknown) {
    super('the disk is full', { cause });
    this.name = 'DiskFull';
  }
}

const isShortNow = async (folder: string): Promise<boolean> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < limits.diskReserveBytes;
};

/**
 * Looks at the disk under a folder every second. Writes end before its last bytes do: PostgreSQL ends at once when
 * it cannot write its log, and reads would end with it.
 */
export const watchFreeSpace = async (folder: string, log: Logger): Promise<FreeSpace> => {
  let isShort = false;
  const look = async () => {
    const was = isShort;
    isShort = await isShortNow(folder);
    if (isShort && !was) {
      const fields = { folder, reserveBytes: limits.diskReserveBytes };
      log.error(fields, 'the disk is nearly full: writes are refused until there is room');
    } else if (was && !isShort) log.info({ folder }, 'there is room on the disk again');
  };
  await look();
  const timer = setInterval(() => {
    look().catch((err: unknown) => log.warn({ err }, 'the free space could not be read'));
  }, limits.diskLookMs);
  timer.unref();
  return {
    get isShort() {
      return isShort;
    },
    stop: () => clearInterval(timer),
  };
};
