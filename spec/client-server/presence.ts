import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

const presence = Type.Enum(['online', 'offline', 'unavailable']);

export const setPresence = operation({
  id: 'setPresence',
  method: 'PUT',
  path: '/_matrix/client/v3/presence/{userId}/status',
  summary: "Sets the user's presence and status message.",
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ userId: field.userId }),
  body: Type.Object({
    presence,
    status_msg: Type.Optional(Type.String({ maxLength: limits.statusMessageLengthMax })),
  }),
  response: field.empty,
});

export const getPresence = operation({
  id: 'getPresence',
  method: 'GET',
  path: '/_matrix/client/v3/presence/{userId}/status',
  summary: "Gives a user's presence.",
  auth: 'accessToken',
  params: Type.Object({ userId: field.userId }),
  response: Type.Object({
    presence,
    last_active_ago: Type.Optional(field.durationMs),
    status_msg: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    currently_active: Type.Optional(Type.Boolean()),
  }),
});
