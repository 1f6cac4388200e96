import Type from 'typebox';
import { powerLevels } from '../events/power-levels.ts';
import { datedStrippedState } from '../events/stripped-state.ts';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { roomSummary } from './room-summary.ts';

export const createRoom = operation({
  id: 'createRoom',
  method: 'POST',
  path: '/_matrix/client/v3/createRoom',
  summary: 'Makes a room with its first state and invitations.',
  auth: 'accessToken',
  rateLimit: 'join',
  body: Type.Object({
    visibility: Type.Optional(Type.Enum(['public', 'private'])),
    room_alias_name: Type.Optional(Type.String({ maxLength: limits.identifierBytesMax })),
    name: Type.Optional(Type.String()),
    topic: Type.Optional(Type.String()),
    invite: Type.Optional(Type.Array(field.userId)),
    invite_3pid: Type.Optional(
      Type.Array(
        Type.Object({
          id_server: Type.String(),
          id_access_token: Type.String(),
          medium: Type.String(),
          address: Type.String(),
        }),
      ),
    ),
    room_version: Type.Optional(Type.String()),
    creation_content: Type.Optional(field.object),
    initial_state: Type.Optional(
      Type.Array(
        Type.Object({
          type: field.eventType,
          state_key: Type.Optional(field.stateKey),
          content: field.object,
        }),
      ),
    ),
    preset: Type.Optional(Type.Enum(['private_chat', 'public_chat', 'trusted_private_chat'])),
    is_direct: Type.Optional(Type.Boolean()),
    power_level_content_override: Type.Optional(powerLevels),
  }),
  response: Type.Object({ room_id: field.roomId }),
});

export const upgradeRoom = operation({
  id: 'upgradeRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/upgrade',
  summary: 'Replaces a room by one of another version.',
  auth: 'accessToken',
  rateLimit: 'join',
  params: Type.Object({ roomId: field.roomId }),
  body: Type.Object({
    new_version: Type.String(),
    additional_creators: Type.Optional(Type.Array(field.userId)),
  }),
  response: Type.Object({ replacement_room: field.roomId }),
});

export const getRoomSummary = operation({
  id: 'getRoomSummary',
  method: 'GET',
  path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
  summary: 'Tells what a room is before joining it.',
  auth: 'accessTokenOptional',
  rateLimit: 'expensive',
  params: Type.Object({ roomIdOrAlias: field.roomIdOrAlias }),
  query: Type.Object({ via: Type.Optional(Type.Array(field.serverName)) }),
  response: Type.Object({
    ...roomSummary.properties,
    membership: Type.Optional(Type.Enum(['invite', 'join', 'knock', 'leave', 'ban'])),
  }),
});

export const getSpaceHierarchy = operation({
  id: 'getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/hierarchy',
  summary: 'Walks the rooms of a space.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  params: Type.Object({ roomId: field.roomId }),
  query: Type.Object({
    suggested_only: Type.Optional(Type.Boolean()),
    limit: Type.Optional(field.pageSize),
    max_depth: Type.Optional(Type.Integer({ minimum: 0 })),
    from: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    rooms: Type.Array(
      Type.Object({ ...roomSummary.properties, children_state: Type.Array(datedStrippedState) }),
    ),
    next_batch: Type.Optional(Type.String()),
  }),
});

export const getMutualRooms = operation({
  id: 'getMutualRooms',
  method: 'GET',
  path: '/_matrix/client/v1/mutual_rooms',
  summary: 'Lists the rooms that two users are both in.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  query: Type.Object({ user_id: field.userId, from: Type.Optional(Type.String()) }),
  response: Type.Object({
    joined: Type.Array(field.roomId),
    count: field.count,
    next_batch: Type.Optional(Type.String()),
  }),
});
