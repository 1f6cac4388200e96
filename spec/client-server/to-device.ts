import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

export const sendToDevice = operation({
  id: 'sendToDevice',
  method: 'PUT',
  path: '/_matrix/client/v3/sendToDevice/{eventType}/{txnId}',
  summary: 'Sends messages to devices; `*` stands for every device of a user.',
  auth: 'accessToken',
  bodyBytesMax: limits.keysBodyBytesMax,
  params: Type.Object({ eventType: field.eventType, txnId: field.transactionId }),
  body: Type.Object({ messages: field.mapOf(field.mapOf(field.object)) }),
  response: field.empty,
});
