import { isObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import {
  readReceivedTransaction,
  writeReceivedTransaction,
} from '../storage/received-transactions.ts';
import { type EduReceiver, receiveEdu } from './receive-edu.ts';
import type { PduResults } from './receive-in-room.ts';
import { receiveInTurn } from './slow-rooms.ts';

export type ReceivedTransaction = {
  readonly origin: string;
  readonly txnId: string;
  readonly pdus: readonly unknown[];
  readonly edus: readonly unknown[];
};

const receivePdus = async (
  context: Context,
  { origin, pdus }: ReceivedTransaction,
): Promise<PduResults> => {
  const byRoom = Map.groupBy(pdus, (pdu) => (isObject(pdu) ? pdu['room_id'] : undefined));
  const results: PduResults = new Map();
  const work = [...byRoom].map(async ([roomId, own]) => {
    if (typeof roomId !== 'string') return;
    const received = await receiveInTurn(context, { origin, roomId }, own);
    for (const [eventId, result] of received) results.set(eventId, result);
  });
  await Promise.all(work);
  return results;
};

/**
 * Takes in what another server hands over, one transaction of it after the other; the same transaction again is
 * answered as before. The answer is JSON and comes when the events are on disk. Throws M_LIMIT_EXCEEDED.
 */
// https://spec.matrix.org/v1.19/server-server-api/#transactions
export const receiveTransaction = async (
  context: Context,
  transaction: ReceivedTransaction,
  receivers: ReadonlyMap<string, EduReceiver>,
): Promise<string> => {
  const { db, now, rooms } = context;
  const { origin, txnId, edus } = transaction;
  const turn = `transactions of ${origin}`;
  if (rooms.inbound.lengthOf(turn) >= limits.transactionsWaitingMax) {
    throw new MatrixError('M_LIMIT_EXCEEDED', 'earlier transactions are still being taken in', {
      fields: { retry_after_ms: limits.transactionRetryMs },
    });
  }
  return rooms.inbound.run(turn, async () => {
    const answered = await readReceivedTransaction(db, origin, txnId);
    if (answered !== undefined) return answered;
    // Keys come before the messages that they open, also when what an event builds on has to be fetched.
    const { keys = [], others = [] } = Object.groupBy(edus, (edu) =>
      isObject(edu) && edu['edu_type'] === 'm.direct_to_device' ? 'keys' : 'others',
    );
    for (const edu of keys) await receiveEdu(context, origin, edu, receivers);
    const pdus = await receivePdus(context, transaction);
    for (const edu of others) await receiveEdu(context, origin, edu, receivers);
    const answer = JSON.stringify({ pdus: Object.fromEntries(pdus) });
    const receivedAt = now();
    const forgetBefore = receivedAt - limits.receivedTransactionsKeptMs;
    await writeReceivedTransaction(db, { origin, txnId, answer }, receivedAt, forgetBefore);
    return answer;
  });
};
