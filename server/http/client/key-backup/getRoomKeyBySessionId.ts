import { type clientServer, MatrixError } from '@candor/spec';
import { readBackedUpKeys } from '../../../storage/backed-up-keys.ts';
import type { Handler } from '../../handler.ts';
import { keyAnswer } from './answer-keys.ts';
import { findKeyBackup } from './find-key-backup.ts';

export const getRoomKeyBySessionId: Handler<typeof clientServer.getRoomKeyBySessionId> = async (
  { db },
  { params, query, caller },
) => {
  const backup = await findKeyBackup(db, caller.userId, query.version);
  const [key] = await readBackedUpKeys(db, backup, params, { keysMax: 1 });
  const answer = key && keyAnswer(key);
  if (!answer) throw new MatrixError('M_NOT_FOUND', 'The backup has no key of that session');
  return answer;
};
