import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

export const postReceipt = operation({
  id: 'postReceipt',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}',
  summary: 'Moves a read receipt of the user, in the room or in one thread of it.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({
    roomId: field.roomId,
    receiptType: Type.Enum(['m.read', 'm.read.private', 'm.fully_read']),
    eventId: field.eventId,
  }),
  body: Type.Object({ thread_id: Type.Optional(field.opaqueId) }),
  response: field.empty,
});

export const setReadMarker = operation({
  id: 'setReadMarker',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/read_markers',
  summary: 'Moves the read marker and read receipts of the user at once.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ roomId: field.roomId }),
  body: Type.Object({
    'm.fully_read': Type.Optional(field.eventId),
    'm.read': Type.Optional(field.eventId),
    'm.read.private': Type.Optional(field.eventId),
  }),
  response: field.empty,
});
