import type { ChangedBackup } from '../../../storage/backed-up-keys.ts';
import type { KeyBackup } from '../../../storage/key-backups.ts';

/** What clients compare to see whether another device has changed the keys. */
export const changeAnswer = ({ keyCount, changes }: ChangedBackup) => ({
  etag: `${changes}`,
  count: keyCount,
});

export const keyBackupAnswer = (backup: KeyBackup) => ({
  algorithm: backup.algorithm,
  auth_data: JSON.parse(backup.authData) as Record<string, unknown>,
  version: `${backup.version}`,
  ...changeAnswer(backup),
});
