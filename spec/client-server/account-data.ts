import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

const ofUser = { userId: field.userId };
const inRoom = { ...ofUser, roomId: field.roomId };
const tag = Type.Object({ order: Type.Optional(Type.Number()) });

export const setAccountData = operation({
  id: 'setAccountData',
  method: 'PUT',
  path: '/_matrix/client/v3/user/{userId}/account_data/{type}',
  summary: "Stores something in the user's account.",
  auth: 'accessToken',
  params: Type.Object({ ...ofUser, type: field.eventType }),
  body: field.object,
  response: field.empty,
});

export const getAccountData = operation({
  id: 'getAccountData',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/account_data/{type}',
  summary: "Gives something stored in the user's account.",
  auth: 'accessToken',
  params: Type.Object({ ...ofUser, type: field.eventType }),
  response: field.object,
});

export const setAccountDataPerRoom = operation({
  id: 'setAccountDataPerRoom',
  method: 'PUT',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}',
  summary: "Stores something about a room in the user's account.",
  auth: 'accessToken',
  params: Type.Object({ ...inRoom, type: field.eventType }),
  body: field.object,
  response: field.empty,
});

export const getAccountDataPerRoom = operation({
  id: 'getAccountDataPerRoom',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}',
  summary: "Gives something stored about a room in the user's account.",
  auth: 'accessToken',
  params: Type.Object({ ...inRoom, type: field.eventType }),
  response: field.object,
});

export const getRoomTags = operation({
  id: 'getRoomTags',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags',
  summary: "Lists the user's tags on a room.",
  auth: 'accessToken',
  params: Type.Object(inRoom),
  response: Type.Object({ tags: field.mapOf(tag) }),
});

export const setRoomTag = operation({
  id: 'setRoomTag',
  method: 'PUT',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}',
  summary: 'Tags a room.',
  auth: 'accessToken',
  params: Type.Object({ ...inRoom, tag: field.opaqueId }),
  body: tag,
  response: field.empty,
});

export const deleteRoomTag = operation({
  id: 'deleteRoomTag',
  method: 'DELETE',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}',
  summary: 'Takes a tag from a room.',
  auth: 'accessToken',
  params: Type.Object({ ...inRoom, tag: field.opaqueId }),
  response: field.empty,
});
