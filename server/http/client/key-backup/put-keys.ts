import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../../../context.ts';
import { writeBackedUpKeys } from '../../../storage/backed-up-keys.ts';
import { transact } from '../../../storage/database.ts';
import { type BackedUpKey, lockKeyBackups, readKeyBackup } from '../../../storage/key-backups.ts';
import { unknownVersion } from './find-key-backup.ts';
import { changeAnswer } from './key-backup-answer.ts';

type Sealed = {
  readonly first_message_index: number;
  readonly forwarded_count: number;
  readonly is_verified: boolean;
  readonly session_data: Readonly<Record<string, unknown>>;
};

/** Keys as they come, by room and session. */
export type KeysByRoom = Readonly<
  Record<string, { readonly sessions: Readonly<Record<string, Sealed>> }>
>;

const toKey = (roomId: string, sessionId: string, sealed: Sealed): BackedUpKey => {
  const sessionData = JSON.stringify(sealed.session_data);
  if (Buffer.byteLength(sessionData) > limits.backedUpKeyBytesMax) {
    throw new MatrixError(
      'M_TOO_LARGE',
      `session_data is larger than ${limits.backedUpKeyBytesMax} bytes`,
    );
  }
  return {
    roomId,
    sessionId,
    firstMessageIndex: sealed.first_message_index,
    forwardedCount: sealed.forwarded_count,
    isVerified: sealed.is_verified,
    sessionData,
  };
};

/** Stores keys in the newest backup, which must be of that version. Throws M_NOT_FOUND, M_WRONG_ROOM_KEYS_VERSION, M_RESOURCE_LIMIT_EXCEEDED. */
export const putKeys = async (
  { db }: Context,
  userId: string,
  version: string,
  rooms: KeysByRoom,
): Promise<{ etag: string; count: number }> => {
  const keys = Object.entries(rooms).flatMap(([roomId, { sessions }]) =>
    Object.entries(sessions).map(([sessionId, sealed]) => toKey(roomId, sessionId, sealed)),
  );
  return transact(db, async (tx) => {
    await lockKeyBackups(tx, userId);
    const newest = await readKeyBackup(tx, userId);
    if (!newest) throw unknownVersion();
    if (`${newest.version}` !== version) {
      throw new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'There is a newer backup', {
        fields: { current_version: `${newest.version}` },
      });
    }
    const changed = await writeBackedUpKeys(tx, newest, keys);
    if (changed.keyCount > limits.backedUpKeysPerBackupMax) {
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', 'The backup is full');
    }
    if (changed.userBytes > limits.backedUpKeysBytesMax) {
      throw new MatrixError(
        'M_RESOURCE_LIMIT_EXCEEDED',
        'The backups are too large: delete those that are not needed any more',
      );
    }
    return changeAnswer(changed);
  });
};
