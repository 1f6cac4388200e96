import { MatrixError } from '@candor/spec';
import type { Db } from '../../../storage/database.ts';
import { type KeyBackup, readKeyBackup } from '../../../storage/key-backups.ts';

/** Versions are counted; whatever else a client names is no version of ours. */
export const readVersion = (version: string): number | undefined =>
  /^[1-9]\d{0,14}$/.test(version) ? Number(version) : undefined;

export const unknownVersion = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'Unknown backup version');

/** The backup of that version. Throws M_NOT_FOUND. */
export const findKeyBackup = async (
  db: Db,
  userId: string,
  version: string,
): Promise<KeyBackup> => {
  const number = readVersion(version);
  const backup = number === undefined ? undefined : await readKeyBackup(db, userId, number);
  if (!backup) throw unknownVersion();
  return backup;
};
