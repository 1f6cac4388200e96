import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { pdu } from './pdu.ts';

/** What one server sends another at once. Each PDU and EDU is checked by itself: a bad one must not cost the others. */
// https://spec.matrix.org/v1.19/server-server-api/#transactions
export const transaction = Type.Object({
  origin: field.serverName,
  origin_server_ts: Type.Integer(),
  pdus: Type.Array(Type.Unknown(), { maxItems: limits.transactionPdusMax }),
  edus: Type.Optional(Type.Array(Type.Unknown(), { maxItems: limits.transactionEdusMax })),
});

/** PDUs given as an answer, in the shape of a transaction. */
export const pduList = Type.Object({
  origin: field.serverName,
  origin_server_ts: Type.Integer(),
  pdus: Type.Array(pdu),
});
