import type { Context } from '../../../context.ts';
import { deleteBackedUpKeys } from '../../../storage/backed-up-keys.ts';
import { transact } from '../../../storage/database.ts';
import { type BackedUpKeyRange, lockKeyBackups } from '../../../storage/key-backups.ts';
import { findKeyBackup } from './find-key-backup.ts';
import { changeAnswer } from './key-backup-answer.ts';

/** Deletes keys of any backup of the user. Throws M_NOT_FOUND. */
export const deleteKeys = (
  { db }: Context,
  userId: string,
  version: string,
  range: BackedUpKeyRange,
) =>
  transact(db, async (tx) => {
    await lockKeyBackups(tx, userId);
    const backup = await findKeyBackup(tx, userId, version);
    return changeAnswer(await deleteBackedUpKeys(tx, backup, range));
  });
