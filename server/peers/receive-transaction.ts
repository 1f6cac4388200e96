import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type RoomEvent } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { checkIncoming } from '../rooms/remote/check-incoming.ts';
import type { Reception } from '../rooms/remote/place-received.ts';
import { receiveEvent } from '../rooms/remote/receive-event.ts';
import { isServerAllowed } from '../rooms/server-acl.ts';
import { isPassingTrouble } from '../storage/passing-trouble.ts';
import {
  readReceivedTransaction,
  writeReceivedTransaction,
} from '../storage/received-transactions.ts';
import { type EduReceiver, receiveEdu } from './receive-edu.ts';
import { receiveUninvited } from './receive-uninvited.ts';

export type ReceivedTransaction = {
  readonly origin: string;
  readonly txnId: string;
  readonly pdus: readonly unknown[];
  readonly edus: readonly unknown[];
};

/** What became of each event that has an id; `error` where it was not taken. */
type Results = Map<string, { readonly error?: string }>;

type InRoom = { readonly origin: string; readonly roomId: string };

/** Takes an event; where what it builds on could not be had, once more later. */
const receiveOne = async (
  context: Context,
  { origin, roomId }: InRoom,
  event: RoomEvent,
  attempt = 0,
): Promise<Reception> => {
  const room = await context.rooms.get(roomId);
  const reception = room?.isResident
    ? await receiveEvent(context, { roomId, server: origin }, event)
    : await receiveUninvited(context, { origin, roomId }, event);
  if (!('reason' in reception)) return reception;
  const { kind, reason } = reception;
  const { eventId } = event;
  context.log.info({ origin, roomId, eventId, kind, reason }, 'event not accepted');
  if (kind === 'refused' && reception.isMissing) {
    context.federation.late.retry(attempt, async () => {
      await receiveOne(context, { origin, roomId }, event, attempt + 1);
    });
  }
  return reception;
};

const receiveInRoom = async (
  context: Context,
  { origin, roomId }: InRoom,
  pdus: readonly unknown[],
): Promise<Results> => {
  const results: Results = new Map();
  const room = await context.rooms.get(roomId);
  if (!room) return results;
  const isAllowed = isServerAllowed(room, origin);
  for (const checked of await checkIncoming(context, pdus, room.rules, roomId)) {
    if (!checked.ok) {
      const { eventId, reason } = checked;
      context.log.info({ origin, roomId, eventId, reason }, 'event dropped');
      if (eventId !== undefined) results.set(eventId, { error: reason });
      continue;
    }
    const { event } = checked;
    const reception = isAllowed
      ? await receiveOne(context, { origin, roomId }, event)
      : { reason: 'the room keeps this server out' };
    results.set(event.eventId, 'reason' in reception ? { error: reception.reason } : {});
  }
  return results;
};

/** What comes of the work, or undefined when that takes too long; the work goes on. */
const inTime = async <T>(work: Promise<T>): Promise<T | undefined> => {
  const end = new AbortController();
  const { signal } = end;
  try {
    return await Promise.race([
      work,
      sleep(limits.transactionPatienceMs, undefined, { ref: false, signal }),
    ]);
  } finally {
    end.abort();
  }
};

/**
 * The events of one room in their turn. Where the room takes long, because its past has to be fetched, say, the others
 * of its server do not wait: nothing is told of its events then, and if they are lost, what comes after brings them.
 */
const receiveInTurn = async (
  context: Context,
  { origin, roomId }: InRoom,
  pdus: readonly unknown[],
): Promise<Results> => {
  const { log, rooms } = context;
  const none: Results = new Map();
  const turn = `${origin} ${roomId}`;
  if (rooms.inbound.lengthOf(turn) >= limits.transactionsWaitingMax) {
    log.info({ origin, roomId, count: pdus.length }, 'events dropped: too much of the room waits');
    return none;
  }
  const work = rooms.inbound
    .run(turn, () => receiveInRoom(context, { origin, roomId }, pdus))
    .catch((err: unknown) => {
      // The whole transaction then fails and comes again. For anything else it would come again for ever.
      if (isPassingTrouble(err)) throw err;
      log.warn({ err, origin, roomId }, 'events of a room could not be taken');
      return none;
    });
  const results = rooms.slowInbound.has(turn) ? undefined : await inTime(work);
  if (results) return results;
  log.info({ origin, roomId, count: pdus.length }, 'a room takes long');
  rooms.slowInbound.add(turn);
  work
    .catch((err: unknown) => log.warn({ err, origin, roomId }, 'events of a room were lost'))
    .finally(() => {
      // The last of those that wait.
      if (rooms.inbound.lengthOf(turn) === 0) rooms.slowInbound.delete(turn);
    });
  return none;
};

const receivePdus = async (
  context: Context,
  { origin, pdus }: ReceivedTransaction,
): Promise<Results> => {
  const byRoom = Map.groupBy(pdus, (pdu) => (isObject(pdu) ? pdu['room_id'] : undefined));
  const results: Results = new Map();
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
 * answered as before. The answer is JSON and comes when the events are on disk, but for rooms that take long. Throws
 * M_LIMIT_EXCEEDED.
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
