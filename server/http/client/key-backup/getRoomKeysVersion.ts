import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { findKeyBackup } from './find-key-backup.ts';
import { keyBackupAnswer } from './key-backup-answer.ts';

export const getRoomKeysVersion: Handler<typeof clientServer.getRoomKeysVersion> = async (
  { db },
  { params, caller },
) => keyBackupAnswer(await findKeyBackup(db, caller.userId, params.version));
