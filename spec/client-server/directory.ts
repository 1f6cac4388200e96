import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { publicRoomsQuery } from './public-rooms-query.ts';
import { publicRooms } from './room-summary.ts';

const visibility = Type.Enum(['public', 'private']);
const inRoom = Type.Object({ roomId: field.roomId });
const byAlias = Type.Object({ roomAlias: field.roomAlias });

export const setRoomAlias = operation({
  id: 'setRoomAlias',
  method: 'PUT',
  path: '/_matrix/client/v3/directory/room/{roomAlias}',
  summary: 'Gives a room an alias.',
  auth: 'accessToken',
  params: byAlias,
  body: Type.Object({ room_id: field.roomId }),
  response: field.empty,
});

export const getRoomIdByAlias = operation({
  id: 'getRoomIdByAlias',
  method: 'GET',
  path: '/_matrix/client/v3/directory/room/{roomAlias}',
  summary: 'Finds the room behind an alias, and servers that are in it.',
  auth: 'accessTokenOptional',
  params: byAlias,
  response: Type.Object({ room_id: field.roomId, servers: Type.Array(field.serverName) }),
});

export const deleteRoomAlias = operation({
  id: 'deleteRoomAlias',
  method: 'DELETE',
  path: '/_matrix/client/v3/directory/room/{roomAlias}',
  summary: 'Takes an alias from a room.',
  auth: 'accessToken',
  params: byAlias,
  response: field.empty,
});

export const getLocalAliases = operation({
  id: 'getLocalAliases',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/aliases',
  summary: 'Lists the aliases that this server has for a room.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: inRoom,
  response: Type.Object({ aliases: Type.Array(field.roomAlias) }),
});

export const getRoomVisibilityOnDirectory = operation({
  id: 'getRoomVisibilityOnDirectory',
  method: 'GET',
  path: '/_matrix/client/v3/directory/list/room/{roomId}',
  summary: 'Tells whether a room is in the public room list.',
  auth: 'accessTokenOptional',
  params: inRoom,
  response: Type.Object({ visibility }),
});

export const setRoomVisibilityOnDirectory = operation({
  id: 'setRoomVisibilityOnDirectory',
  method: 'PUT',
  path: '/_matrix/client/v3/directory/list/room/{roomId}',
  summary: 'Puts a room into the public room list or takes it out.',
  auth: 'accessToken',
  params: inRoom,
  body: Type.Object({ visibility: Type.Optional(visibility) }),
  response: field.empty,
});

export const getPublicRooms = operation({
  id: 'getPublicRooms',
  method: 'GET',
  path: '/_matrix/client/v3/publicRooms',
  summary: 'Lists the public rooms of a server.',
  auth: 'accessTokenOptional',
  query: Type.Object({
    limit: Type.Optional(field.pageSize),
    since: Type.Optional(Type.String()),
    server: Type.Optional(field.serverName),
  }),
  response: publicRooms,
});

export const queryPublicRooms = operation({
  id: 'queryPublicRooms',
  method: 'POST',
  path: '/_matrix/client/v3/publicRooms',
  summary: 'Searches the public rooms of a server.',
  auth: 'accessToken',
  query: Type.Object({ server: Type.Optional(field.serverName) }),
  body: publicRoomsQuery,
  response: publicRooms,
});
