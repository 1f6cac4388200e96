import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { limits } from '@candor/spec';
import { type Finding, fault, warning } from './finding.ts';

const bytesPerMebibyte = 1_048_576;
const freeBytesMin = 1_073_741_824;

/** The folder or, before it is made, the one above it that is there. */
const folderThere = async (folder: string): Promise<string> => {
  const above = dirname(folder);
  if (above === folder) return folder;
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  return isThere ? folder : folderThere(above);
};

/** What doctor says of the disk a data directory is on, or will be; nothing while there is room. */
export const examineFreeSpace = async (dataDir: string): Promise<readonly Finding[]> => {
  const { bavail, bsize } = await statfs(await folderThere(dataDir));
  const freeBytes = bavail * bsize;
  if (freeBytes < limits.diskReserveBytes) {
    const [free, reserve] = [freeBytes, limits.diskReserveBytes].map((bytes) =>
      Math.floor(bytes / bytesPerMebibyte),
    );
    return [
      fault(
        `data directory: only ${free} MiB are free on the disk of ${dataDir}; writes are refused below ${reserve} MiB`,
      ),
    ];
  }
  return freeBytes < freeBytesMin
    ? [warning(`data directory: less than 1 GiB is free on the disk of ${dataDir}`)]
    : [];
};
