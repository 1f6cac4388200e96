import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

/** One session's key, sealed by the client. */
// https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
const sessionBackup = Type.Object({
  first_message_index: field.count,
  forwarded_count: field.count,
  is_verified: Type.Boolean(),
  session_data: field.object,
});
const roomBackup = Type.Object({ sessions: field.mapOf(sessionBackup, field.opaqueId) });
const roomsBackup = Type.Object({ rooms: field.mapOf(roomBackup, field.roomId) });

const changed = Type.Object({ etag: Type.String(), count: field.count });
const ofVersion = Type.Object({ version: Type.String() });
const ofRoom = Type.Object({ roomId: field.roomId });
const ofSession = Type.Object({ roomId: field.roomId, sessionId: field.opaqueId });

/** Any algorithm is stored: the server never opens a backup. */
const versionInfo = Type.Object({ algorithm: Type.String(), auth_data: field.object });
const versionState = Type.Object({
  ...versionInfo.properties,
  ...changed.properties,
  version: Type.String(),
});

const keysPath = '/_matrix/client/v3/room_keys/keys';
const roomPath = `${keysPath}/{roomId}`;
const sessionPath = `${roomPath}/{sessionId}`;
const versionPath = '/_matrix/client/v3/room_keys/version';

export const postRoomKeysVersion = operation({
  id: 'postRoomKeysVersion',
  method: 'POST',
  path: versionPath,
  summary: 'Starts a new backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  body: versionInfo,
  response: ofVersion,
});

export const getRoomKeysVersionCurrent = operation({
  id: 'getRoomKeysVersionCurrent',
  method: 'GET',
  path: versionPath,
  summary: 'Describes the latest backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  response: versionState,
});

export const getRoomKeysVersion = operation({
  id: 'getRoomKeysVersion',
  method: 'GET',
  path: `${versionPath}/{version}`,
  summary: 'Describes one backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofVersion,
  response: versionState,
});

export const putRoomKeysVersion = operation({
  id: 'putRoomKeysVersion',
  method: 'PUT',
  path: `${versionPath}/{version}`,
  summary: 'Changes the public data of a backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofVersion,
  body: Type.Object({ ...versionInfo.properties, version: Type.Optional(Type.String()) }),
  response: field.empty,
});

export const deleteRoomKeysVersion = operation({
  id: 'deleteRoomKeysVersion',
  method: 'DELETE',
  path: `${versionPath}/{version}`,
  summary: 'Deletes a backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofVersion,
  response: field.empty,
});

export const putRoomKeys = operation({
  id: 'putRoomKeys',
  method: 'PUT',
  path: keysPath,
  summary: 'Backs up keys of several rooms.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  query: ofVersion,
  bodyBytesMax: limits.keyBackupBodyBytesMax,
  body: roomsBackup,
  response: changed,
});

export const getRoomKeys = operation({
  id: 'getRoomKeys',
  method: 'GET',
  path: keysPath,
  summary: 'Gives every key of a backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  query: ofVersion,
  response: roomsBackup,
});

export const deleteRoomKeys = operation({
  id: 'deleteRoomKeys',
  method: 'DELETE',
  path: keysPath,
  summary: 'Deletes every key of a backup.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  query: ofVersion,
  response: changed,
});

export const putRoomKeysByRoomId = operation({
  id: 'putRoomKeysByRoomId',
  method: 'PUT',
  path: roomPath,
  summary: 'Backs up keys of one room.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofRoom,
  query: ofVersion,
  bodyBytesMax: limits.keyBackupBodyBytesMax,
  body: roomBackup,
  response: changed,
});

export const getRoomKeysByRoomId = operation({
  id: 'getRoomKeysByRoomId',
  method: 'GET',
  path: roomPath,
  summary: 'Gives the keys of one room.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofRoom,
  query: ofVersion,
  response: roomBackup,
});

export const deleteRoomKeysByRoomId = operation({
  id: 'deleteRoomKeysByRoomId',
  method: 'DELETE',
  path: roomPath,
  summary: 'Deletes the keys of one room.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofRoom,
  query: ofVersion,
  response: changed,
});

export const putRoomKeyBySessionId = operation({
  id: 'putRoomKeyBySessionId',
  method: 'PUT',
  path: sessionPath,
  summary: 'Backs up one key.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofSession,
  query: ofVersion,
  bodyBytesMax: limits.keyBackupBodyBytesMax,
  body: sessionBackup,
  response: changed,
});

export const getRoomKeyBySessionId = operation({
  id: 'getRoomKeyBySessionId',
  method: 'GET',
  path: sessionPath,
  summary: 'Gives one key.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofSession,
  query: ofVersion,
  response: sessionBackup,
});

export const deleteRoomKeyBySessionId = operation({
  id: 'deleteRoomKeyBySessionId',
  method: 'DELETE',
  path: sessionPath,
  summary: 'Deletes one key.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofSession,
  query: ofVersion,
  response: changed,
});
