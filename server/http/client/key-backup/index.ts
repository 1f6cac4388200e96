import { deleteRoomKeyBySessionId } from './deleteRoomKeyBySessionId.ts';
import { deleteRoomKeys } from './deleteRoomKeys.ts';
import { deleteRoomKeysByRoomId } from './deleteRoomKeysByRoomId.ts';
import { deleteRoomKeysVersion } from './deleteRoomKeysVersion.ts';
import { getRoomKeyBySessionId } from './getRoomKeyBySessionId.ts';
import { getRoomKeys } from './getRoomKeys.ts';
import { getRoomKeysByRoomId } from './getRoomKeysByRoomId.ts';
import { getRoomKeysVersion } from './getRoomKeysVersion.ts';
import { getRoomKeysVersionCurrent } from './getRoomKeysVersionCurrent.ts';
import { postRoomKeysVersion } from './postRoomKeysVersion.ts';
import { putRoomKeyBySessionId } from './putRoomKeyBySessionId.ts';
import { putRoomKeys } from './putRoomKeys.ts';
import { putRoomKeysByRoomId } from './putRoomKeysByRoomId.ts';
import { putRoomKeysVersion } from './putRoomKeysVersion.ts';

export const keyBackupHandlers = {
  deleteRoomKeyBySessionId,
  deleteRoomKeys,
  deleteRoomKeysByRoomId,
  deleteRoomKeysVersion,
  getRoomKeyBySessionId,
  getRoomKeys,
  getRoomKeysByRoomId,
  getRoomKeysVersion,
  getRoomKeysVersionCurrent,
  postRoomKeysVersion,
  putRoomKeyBySessionId,
  putRoomKeys,
  putRoomKeysByRoomId,
  putRoomKeysVersion,
};
