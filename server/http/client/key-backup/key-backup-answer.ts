import type { ChangedBackup } from '../../../storage/backed-up-keys.ts';
import type { KeyBackup } from '../../../storage/key-backups.ts';
import { readJson } from '../../../storage/spoiled-rows.ts';

/** What clients compare to see whether another device has changed the keys. */
export const changeAnswer = ({
  keyCount,
  changes,
}: Pick<ChangedBackup, 'keyCount' | 'changes'>) => ({
  etag: `${changes}`,
  count: keyCount,
});

export const keyBackupAnswer = (backup: KeyBackup) => {
  const name = { table: 'key_backups', row: `${backup.userId} ${backup.version}` } as const;
  const authData = readJson(backup.authData, name) ?? {};
  return {
    algorithm: backup.algorithm,
    auth_data: authData as Record<string, unknown>,
    version: `${backup.version}`,
    ...changeAnswer(backup),
  };
};
