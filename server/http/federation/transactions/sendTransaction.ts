import { type federation, MatrixError } from '@candor/spec';
import { receiveTransaction } from '../../../peers/receive-transaction.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';
import { eduReceivers } from './edu-receivers.ts';

export const sendTransaction: Handler<typeof federation.sendTransaction> = async (
  context,
  { origin, params, body },
) => {
  if (body.origin !== origin) {
    throw new MatrixError('M_FORBIDDEN', 'the transaction is of another server');
  }
  const { pdus, edus = [] } = body;
  const transaction = { origin, txnId: params.txnId, pdus, edus };
  return new Answer({ body: await receiveTransaction(context, transaction, eduReceivers) });
};
