import Type from 'typebox';
import { clientEvent } from '../events/event.ts';
import { thirdPartySigned } from '../events/third-party-signed.ts';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

const membership = Type.Enum(['join', 'invite', 'knock', 'leave', 'ban']);
// Some clients, matrix-bot-sdk among them, say null where they mean none.
const reason = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const inRoom = Type.Object({ roomId: field.roomId });
const someone = Type.Object({ user_id: field.userId, reason });
const entered = Type.Object({ room_id: field.roomId });
const entry = Type.Object({ third_party_signed: Type.Optional(thirdPartySigned), reason });

/** `server_name` is the older name of `via`. */
const viaServers = Type.Object({
  via: Type.Optional(Type.Array(field.serverName)),
  server_name: Type.Optional(Type.Array(field.serverName)),
});

export const inviteUser = operation({
  id: 'inviteUser',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/invite',
  summary: 'Invites a user into a room.',
  auth: 'accessToken',
  rateLimit: 'join',
  params: inRoom,
  body: someone,
  response: field.empty,
});

export const joinRoom = operation({
  id: 'joinRoom',
  method: 'POST',
  path: '/_matrix/client/v3/join/{roomIdOrAlias}',
  summary: 'Joins a room by id or alias, over federation if need be.',
  auth: 'accessToken',
  rateLimit: 'join',
  params: Type.Object({ roomIdOrAlias: field.roomIdOrAlias }),
  query: viaServers,
  body: entry,
  response: entered,
});

export const joinRoomById = operation({
  id: 'joinRoomById',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/join',
  summary: 'Joins a room by id.',
  auth: 'accessToken',
  rateLimit: 'join',
  params: inRoom,
  body: entry,
  response: entered,
});

export const knockRoom = operation({
  id: 'knockRoom',
  method: 'POST',
  path: '/_matrix/client/v3/knock/{roomIdOrAlias}',
  summary: 'Asks to be let into a room.',
  auth: 'accessToken',
  rateLimit: 'join',
  params: Type.Object({ roomIdOrAlias: field.roomIdOrAlias }),
  query: viaServers,
  body: Type.Object({ reason }),
  response: entered,
});

export const leaveRoom = operation({
  id: 'leaveRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/leave',
  summary: 'Leaves a room, refuses an invitation or withdraws a knock.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: inRoom,
  body: Type.Object({ reason }),
  response: field.empty,
});

export const forgetRoom = operation({
  id: 'forgetRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/forget',
  summary: 'Forgets a room that the user has left.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: inRoom,
  response: field.empty,
});

export const kick = operation({
  id: 'kick',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/kick',
  summary: 'Removes a user from a room, who may come back.',
  auth: 'accessToken',
  params: inRoom,
  body: someone,
  response: field.empty,
});

export const ban = operation({
  id: 'ban',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/ban',
  summary: 'Removes a user from a room, who may not come back.',
  auth: 'accessToken',
  params: inRoom,
  body: someone,
  response: field.empty,
});

export const unban = operation({
  id: 'unban',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/unban',
  summary: 'Lifts a ban.',
  auth: 'accessToken',
  params: inRoom,
  body: someone,
  response: field.empty,
});

export const getMembersByRoom = operation({
  id: 'getMembersByRoom',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/members',
  summary: 'Lists the member events of a room.',
  auth: 'accessToken',
  params: inRoom,
  query: Type.Object({
    at: Type.Optional(Type.String()),
    membership: Type.Optional(membership),
    not_membership: Type.Optional(membership),
  }),
  response: Type.Object({ chunk: Type.Array(clientEvent) }),
});

export const getJoinedMembersByRoom = operation({
  id: 'getJoinedMembersByRoom',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/joined_members',
  summary: 'Lists who is in a room, with their names and pictures there.',
  auth: 'accessToken',
  params: inRoom,
  response: Type.Object({
    joined: field.mapOf(
      Type.Object({
        display_name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        avatar_url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      }),
    ),
  }),
});

export const getJoinedRooms = operation({
  id: 'getJoinedRooms',
  method: 'GET',
  path: '/_matrix/client/v3/joined_rooms',
  summary: 'Lists the rooms the user is in.',
  auth: 'accessToken',
  response: Type.Object({ joined_rooms: Type.Array(field.roomId) }),
});
