import { Readable } from 'node:stream';
import { limits } from '@candor/spec';
import { readBackedUpKeys } from '../../../storage/backed-up-keys.ts';
import type { Db } from '../../../storage/database.ts';
import type { BackedUpKey, KeyBackupName } from '../../../storage/key-backups.ts';
import { readJson } from '../../../storage/spoiled-rows.ts';
import { Answer } from '../../answer.ts';

/** One key as clients get it; undefined for one that cannot be read. */
export const keyAnswer = (key: BackedUpKey) => {
  const row = `${key.roomId} ${key.sessionId}`;
  const sessionData = readJson(key.sessionData, { table: 'backed_up_keys', row });
  if (sessionData === undefined) return undefined;
  return {
    first_message_index: key.firstMessageIndex,
    forwarded_count: key.forwardedCount,
    is_verified: key.isVerified,
    session_data: sessionData as Record<string, unknown>,
  };
};

const readPages = async function* (db: Db, backup: KeyBackupName, roomId: string | undefined) {
  const keysMax = limits.backedUpKeysPerPageMax;
  const range = roomId === undefined ? {} : { roomId };
  let after: BackedUpKey | undefined;
  do {
    const page = await readBackedUpKeys(db, backup, range, { keysMax, ...(after && { after }) });
    yield page;
    after = page.length < keysMax ? undefined : page.at(-1);
  } while (after);
};

const writeJson = async function* (
  pages: AsyncIterable<readonly BackedUpKey[]>,
  onlyRoomId: string | undefined,
) {
  let roomId = onlyRoomId;
  let comma = '';
  yield roomId === undefined ? '{"rooms":{' : '{"sessions":{';
  for await (const page of pages) {
    let text = '';
    for (const key of page) {
      const answer = keyAnswer(key);
      if (!answer) continue;
      if (key.roomId !== roomId) {
        text += `${roomId === undefined ? '' : '}},'}${JSON.stringify(key.roomId)}:{"sessions":{`;
        roomId = key.roomId;
        comma = '';
      }
      text += `${comma}${JSON.stringify(key.sessionId)}:${JSON.stringify(answer)}`;
      comma = ',';
    }
    yield text;
  }
  yield roomId === onlyRoomId ? '}}' : '}}}}';
};

/** The keys of a backup or, of one room, its sessions; page by page, because a backup can be larger than what fits in memory. */
export const answerKeys = (db: Db, backup: KeyBackupName, roomId?: string): Answer =>
  new Answer({ body: Readable.from(writeJson(readPages(db, backup, roomId), roomId)) });
