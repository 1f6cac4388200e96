import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { transaction } from './transaction.ts';

export const sendTransaction = operation({
  id: 'sendTransaction',
  method: 'PUT',
  path: '/_matrix/federation/v1/send/{txnId}',
  summary: 'Hands over events (PDUs) and ephemeral data (EDUs).',
  auth: 'signedRequest',
  bodyBytesMax: limits.transactionBodyBytesMax,
  bodyDepthMax: limits.transactionDepthMax,
  params: Type.Object({ txnId: field.transactionId }),
  body: transaction,
  response: Type.Object({
    pdus: field.mapOf(Type.Object({ error: Type.Optional(Type.String()) })),
  }),
});
