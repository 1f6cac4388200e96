import Type, { type TSchema } from 'typebox';
import { field } from '../fields.ts';
import { roomDescriptionContent } from './room-description-content.ts';
import { roomStateContent } from './room-state-content.ts';

/** The relation that any message may carry. */
// https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
const relation = Type.Object({
  rel_type: Type.Optional(Type.String()),
  event_id: Type.Optional(field.eventId),
  key: Type.Optional(Type.String()),
  is_falling_back: Type.Optional(Type.Boolean()),
  'm.in_reply_to': Type.Optional(Type.Object({ event_id: field.eventId })),
});

/** Content schemas of the events that a server reads or makes, by type. Any other type has any object as its content. */
export const eventContent = {
  ...roomStateContent,
  ...roomDescriptionContent,
  'm.room.message': Type.Object({
    msgtype: Type.String(),
    body: Type.String(),
    'm.relates_to': Type.Optional(relation),
  }),
  'm.room.encrypted': Type.Object({
    algorithm: Type.String(),
    ciphertext: Type.Optional(Type.Union([Type.String(), field.object])),
    sender_key: Type.Optional(Type.String()),
    device_id: Type.Optional(Type.String()),
    session_id: Type.Optional(Type.String()),
    'm.relates_to': Type.Optional(relation),
  }),
  'm.room.redaction': Type.Object({
    /** In the content from room version 11 on. */
    redacts: Type.Optional(field.eventId),
    reason: Type.Optional(Type.String()),
  }),
  'm.reaction': Type.Object({ 'm.relates_to': Type.Optional(relation) }),
  'm.typing': Type.Object({ user_ids: Type.Array(field.userId) }),
  'm.receipt': field.mapOf(field.mapOf(field.mapOf(field.object))),
  'm.presence': Type.Object({
    presence: Type.Enum(['online', 'offline', 'unavailable']),
    last_active_ago: Type.Optional(field.durationMs),
    status_msg: Type.Optional(Type.String()),
    currently_active: Type.Optional(Type.Boolean()),
    displayname: Type.Optional(Type.String()),
    avatar_url: Type.Optional(Type.String()),
  }),
  'm.fully_read': Type.Object({ event_id: field.eventId }),
  'm.direct': field.mapOf(Type.Array(field.roomId)),
  'm.ignored_user_list': Type.Object({ ignored_users: field.mapOf(field.object) }),
  'm.tag': Type.Object({
    tags: Type.Optional(field.mapOf(Type.Object({ order: Type.Optional(Type.Number()) }))),
  }),
} as const satisfies Record<string, TSchema>;
