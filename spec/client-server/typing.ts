import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

export const setTyping = operation({
  id: 'setTyping',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/typing/{userId}',
  summary: 'Tells the room that the user is, or is no longer, writing.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ roomId: field.roomId, userId: field.userId }),
  body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(field.durationMs) }),
  response: field.empty,
});
