import Type from 'typebox';
import { publicRoomsQuery } from '../client-server/public-rooms-query.ts';
import { publicRooms, roomSummary } from '../client-server/room-summary.ts';
import { datedStrippedState } from '../events/stripped-state.ts';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

export const queryInfo = operation({
  id: 'queryInfo',
  method: 'GET',
  path: '/_matrix/federation/v1/query/{queryType}',
  summary: 'Answers a question of a kind that the specification does not name.',
  auth: 'signedRequest',
  params: Type.Object({ queryType: field.opaqueId }),
  response: field.object,
});

export const queryRoomDirectory = operation({
  id: 'queryRoomDirectory',
  method: 'GET',
  path: '/_matrix/federation/v1/query/directory',
  summary: 'Finds the room behind an alias of this server.',
  auth: 'signedRequest',
  query: Type.Object({ room_alias: field.roomAlias }),
  response: Type.Object({ room_id: field.roomId, servers: Type.Array(field.serverName) }),
});

export const queryProfile = operation({
  id: 'queryProfile',
  method: 'GET',
  path: '/_matrix/federation/v1/query/profile',
  summary: 'Gives the profile, or one field of it, of a user of this server.',
  auth: 'signedRequest',
  query: Type.Object({ user_id: field.userId, field: Type.Optional(Type.String()) }),
  response: field.object,
});

export const getPublicRooms = operation({
  id: 'getPublicRooms',
  method: 'GET',
  path: '/_matrix/federation/v1/publicRooms',
  summary: 'Lists the public rooms of this server.',
  auth: 'signedRequest',
  query: Type.Object({
    limit: Type.Optional(field.pageSize),
    since: Type.Optional(Type.String()),
    include_all_networks: Type.Optional(Type.Boolean()),
    third_party_instance_id: Type.Optional(Type.String()),
  }),
  response: publicRooms,
});

export const queryPublicRooms = operation({
  id: 'queryPublicRooms',
  method: 'POST',
  path: '/_matrix/federation/v1/publicRooms',
  summary: 'Searches the public rooms of this server.',
  auth: 'signedRequest',
  body: publicRoomsQuery,
  response: publicRooms,
});

export const getSpaceHierarchy = operation({
  id: 'getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/federation/v1/hierarchy/{roomId}',
  summary: 'Describes a room of a space and the rooms one step below it.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: Type.Object({ roomId: field.roomId }),
  query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
  response: Type.Object({
    room: Type.Object({
      ...roomSummary.properties,
      children_state: Type.Array(datedStrippedState),
    }),
    children: Type.Array(roomSummary),
    inaccessible_children: Type.Array(field.roomId),
  }),
});

export const exchangeOpenIdToken = operation({
  id: 'exchangeOpenIdToken',
  method: 'GET',
  path: '/_matrix/federation/v1/openid/userinfo',
  summary: 'Tells a third party whose OpenID token this is.',
  auth: 'none',
  rateLimit: 'ordinary',
  query: Type.Object({ access_token: Type.String() }),
  response: Type.Object({ sub: field.userId }),
});
