import { type clientServer, MatrixError } from '@candor/spec';
import { transact } from '../../../storage/database.ts';
import { lockKeyBackups, writeKeyBackupAuthData } from '../../../storage/key-backups.ts';
import type { Handler } from '../../handler.ts';
import { authDataText } from './auth-data-text.ts';
import { findKeyBackup } from './find-key-backup.ts';

export const putRoomKeysVersion: Handler<typeof clientServer.putRoomKeysVersion> = async (
  { db },
  { params, body, caller: { userId } },
) => {
  if (body.version !== undefined && body.version !== params.version) {
    throw new MatrixError('M_INVALID_PARAM', 'The body names another version than the path');
  }
  const authData = authDataText(body.auth_data);
  await transact(db, async (tx) => {
    await lockKeyBackups(tx, userId);
    const backup = await findKeyBackup(tx, userId, params.version);
    if (body.algorithm !== backup.algorithm) {
      throw new MatrixError('M_INVALID_PARAM', 'The algorithm of a backup cannot be changed');
    }
    await writeKeyBackupAuthData(tx, backup, authData);
  });
  return {};
};
