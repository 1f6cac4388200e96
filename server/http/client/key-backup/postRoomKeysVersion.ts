import { type clientServer, limits, MatrixError } from '@candor/spec';
import { transact } from '../../../storage/database.ts';
import { countKeyBackups, insertKeyBackup } from '../../../storage/key-backups.ts';
import type { Handler } from '../../handler.ts';
import { authDataText } from './auth-data-text.ts';

export const postRoomKeysVersion: Handler<typeof clientServer.postRoomKeysVersion> = async (
  { db },
  { body, caller: { userId } },
) => {
  const authData = authDataText(body.auth_data);
  const version = await transact(db, async (tx) => {
    const inserted = await insertKeyBackup(tx, userId, { algorithm: body.algorithm, authData });
    if ((await countKeyBackups(tx, userId)) > limits.keyBackupsPerUserMax) {
      throw new MatrixError(
        'M_RESOURCE_LIMIT_EXCEEDED',
        'There are too many backups: delete those that are not needed any more',
      );
    }
    return inserted;
  });
  if (version === undefined) throw new MatrixError('M_USER_DEACTIVATED', 'The account is closed');
  return { version: `${version}` };
};
