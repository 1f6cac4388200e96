import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

const reason = Type.String({ maxLength: limits.reportReasonLengthMax });

export const reportRoom = operation({
  id: 'reportRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/report',
  summary: 'Reports a room to the administrators of this server.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ roomId: field.roomId }),
  body: Type.Object({ reason }),
  response: field.empty,
});

export const reportEvent = operation({
  id: 'reportEvent',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/report/{eventId}',
  summary: 'Reports an event to the administrators of this server.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ roomId: field.roomId, eventId: field.eventId }),
  body: Type.Object({
    reason: Type.Optional(reason),
    /** Sent by older clients: how bad, from -100 to 0. */
    score: Type.Optional(Type.Integer({ minimum: -100, maximum: 0 })),
  }),
  response: field.empty,
});

export const reportUser = operation({
  id: 'reportUser',
  method: 'POST',
  path: '/_matrix/client/v3/users/{userId}/report',
  summary: 'Reports a user to the administrators of this server.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ userId: field.userId }),
  body: Type.Object({ reason }),
  response: field.empty,
});
