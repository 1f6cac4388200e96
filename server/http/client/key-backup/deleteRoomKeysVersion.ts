import type { clientServer } from '@candor/spec';
import { transact } from '../../../storage/database.ts';
import { deleteKeyBackup, lockKeyBackups } from '../../../storage/key-backups.ts';
import type { Handler } from '../../handler.ts';
import { readVersion, unknownVersion } from './find-key-backup.ts';

export const deleteRoomKeysVersion: Handler<typeof clientServer.deleteRoomKeysVersion> = async (
  { db },
  { params, caller: { userId } },
) => {
  const version = readVersion(params.version);
  if (version === undefined) throw unknownVersion();
  const wasGiven = await transact(db, async (tx) => {
    await lockKeyBackups(tx, userId);
    return deleteKeyBackup(tx, { userId, version });
  });
  if (!wasGiven) throw unknownVersion();
  return {};
};
