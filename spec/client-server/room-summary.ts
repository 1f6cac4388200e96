import Type from 'typebox';
import { field } from '../fields.ts';

/** One room of a public room list. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms
const publicRoom = Type.Object({
  room_id: field.roomId,
  num_joined_members: field.count,
  world_readable: Type.Boolean(),
  guest_can_join: Type.Boolean(),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  canonical_alias: Type.Optional(field.roomAlias),
  avatar_url: Type.Optional(Type.String()),
  join_rule: Type.Optional(Type.String()),
  room_type: Type.Optional(Type.String()),
});

export const publicRooms = Type.Object({
  chunk: Type.Array(publicRoom),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  total_room_count_estimate: Type.Optional(field.count),
});

/** What can be told about a room to somebody who may join or see it. */
export const roomSummary = Type.Object({
  ...publicRoom.properties,
  allowed_room_ids: Type.Optional(Type.Array(field.roomId)),
  encryption: Type.Optional(Type.String()),
  room_version: Type.Optional(Type.String()),
});
