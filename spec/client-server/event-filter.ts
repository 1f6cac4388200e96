import Type from 'typebox';
import { field } from '../fields.ts';

const eventFilter = Type.Object({
  limit: Type.Optional(field.pageSize),
  senders: Type.Optional(Type.Array(field.userId)),
  not_senders: Type.Optional(Type.Array(field.userId)),
  types: Type.Optional(Type.Array(Type.String())),
  not_types: Type.Optional(Type.Array(Type.String())),
});

/** Which events of rooms are wanted; `types` may hold `*` as a wildcard. */
// https://spec.matrix.org/v1.19/client-server-api/#filtering
export const roomEventFilter = Type.Object({
  ...eventFilter.properties,
  rooms: Type.Optional(Type.Array(field.roomId)),
  not_rooms: Type.Optional(Type.Array(field.roomId)),
  contains_url: Type.Optional(Type.Boolean()),
  lazy_load_members: Type.Optional(Type.Boolean()),
  include_redundant_members: Type.Optional(Type.Boolean()),
  unread_thread_notifications: Type.Optional(Type.Boolean()),
});

/** The filter of `/sync`: stored by `defineFilter` or sent inline. */
export const syncFilter = Type.Object({
  event_fields: Type.Optional(Type.Array(Type.String())),
  event_format: Type.Optional(Type.Enum(['client', 'federation'])),
  presence: Type.Optional(eventFilter),
  account_data: Type.Optional(eventFilter),
  room: Type.Optional(
    Type.Object({
      rooms: Type.Optional(Type.Array(field.roomId)),
      not_rooms: Type.Optional(Type.Array(field.roomId)),
      include_leave: Type.Optional(Type.Boolean()),
      state: Type.Optional(roomEventFilter),
      timeline: Type.Optional(roomEventFilter),
      ephemeral: Type.Optional(roomEventFilter),
      account_data: Type.Optional(roomEventFilter),
    }),
  ),
});
