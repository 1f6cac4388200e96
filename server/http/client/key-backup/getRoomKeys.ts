import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { answerKeys } from './answer-keys.ts';
import { findKeyBackup } from './find-key-backup.ts';

export const getRoomKeys: Handler<typeof clientServer.getRoomKeys> = async (
  { db },
  { query, caller },
) => answerKeys(db, await findKeyBackup(db, caller.userId, query.version));
