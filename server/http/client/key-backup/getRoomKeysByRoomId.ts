import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { answerKeys } from './answer-keys.ts';
import { findKeyBackup } from './find-key-backup.ts';

export const getRoomKeysByRoomId: Handler<typeof clientServer.getRoomKeysByRoomId> = async (
  { db },
  { params, query, caller },
) => answerKeys(db, await findKeyBackup(db, caller.userId, query.version), params.roomId);
