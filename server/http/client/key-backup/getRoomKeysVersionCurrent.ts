import { type clientServer, MatrixError } from '@candor/spec';
import { readKeyBackup } from '../../../storage/key-backups.ts';
import type { Handler } from '../../handler.ts';
import { keyBackupAnswer } from './key-backup-answer.ts';

export const getRoomKeysVersionCurrent: Handler<
  typeof clientServer.getRoomKeysVersionCurrent
> = async ({ db }, { caller }) => {
  const backup = await readKeyBackup(db, caller.userId);
  if (!backup) throw new MatrixError('M_NOT_FOUND', 'There is no backup');
  return keyBackupAnswer(backup);
};
