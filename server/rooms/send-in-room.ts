import { CanonicalJsonError, canonicalJson, type JsonObject, stateKeyOf } from '@candor/federation';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { appendEvent } from './append-event.ts';
import { buildRoomEvent, type RoomContext } from './build-room-event.ts';
import { checkContent } from './check-content.ts';
import { checkRedaction } from './check-redaction.ts';
import { checkRelation } from './check-relation.ts';
import { commitSteps } from './commit-steps.ts';
import { refusePlaintext } from './encryption-policy.ts';
import { signedByPolicy } from './remote/policy-server.ts';
import type { Room } from './room.ts';
import { storedTxnKey, type Transaction } from './sent-transactions.ts';

/** What a user of ours wants to say in a room. */
export type EventToSend = {
  readonly sender: string;
  readonly type: string;
  readonly stateKey?: string;
  readonly content: JsonObject;
  readonly redacts?: string;
  /** Makes a repeated request the same event. */
  readonly txn?: Transaction;
  /** Sends plaintext into encrypted rooms: for webhooks, whose disclosure says so. */
  readonly allowsPlaintext?: true;
};

export type SentEvent = { readonly eventId: string; readonly position: StreamPosition };

/** An event that has joined its room in memory; `written` settles when it is on disk or lost. */
export type Sending = SentEvent & { readonly written: Promise<void> };

/** An event that is there already, perhaps on its way to the disk. */
const known = async ({ rooms }: RoomContext, eventId: string): Promise<Sending | undefined> => {
  const stored = await rooms.events.loadOne(eventId);
  return stored && { eventId, position: stored.eventNid, written: rooms.events.written(eventId) };
};

/** What is no canonical JSON is like nothing; it is refused when the event is made. */
const isSame = (content: JsonObject, other: JsonObject): boolean => {
  try {
    return canonicalJson(content) === canonicalJson(other);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return false;
    throw error;
  }
};

/** The current state event, when it says the same already. */
const sameState = async (
  context: RoomContext,
  room: Room,
  { type, stateKey, sender, content }: EventToSend,
): Promise<Sending | undefined> => {
  const entry = stateKey === undefined ? undefined : room.state.get(stateKeyOf(type, stateKey));
  const stored = entry && (await context.rooms.events.loadOne(entry.eventId));
  if (!stored || stored.event.sender !== sender) return undefined;
  return isSame(content, stored.event.content) ? known(context, stored.event.eventId) : undefined;
};

const check = async (context: RoomContext, room: Room, wanted: EventToSend): Promise<void> => {
  checkContent(wanted.type, wanted.stateKey, wanted.content);
  if (!wanted.allowsPlaintext) refusePlaintext(room, wanted);
  if (wanted.redacts !== undefined) await checkRedaction(context, room, wanted, wanted.redacts);
  await checkRelation(context, room, wanted);
};

/** In versions that name the target inside, clients may send it there. */
// https://spec.matrix.org/v1.19/client-server-api/#client-behaviour-6
const withTarget = (wanted: EventToSend): EventToSend => {
  const { type, content, redacts = content['redacts'] } = wanted;
  return type === 'm.room.redaction' && typeof redacts === 'string'
    ? { ...wanted, redacts }
    : wanted;
};

const append = async (context: RoomContext, room: Room, wanted: EventToSend): Promise<Sending> => {
  const { sender, txn } = wanted;
  const built = await buildRoomEvent(context, room, wanted);
  const event = await signedByPolicy(context, room, built);
  const { eventId } = event;
  const step = await appendEvent(context, room, event, txn);
  const sentAt = context.now();
  const transaction = txn && {
    userId: sender,
    deviceId: txn.deviceId,
    txnKey: storedTxnKey(txn),
    eventId,
    sentAt,
  };
  const written = commitSteps(context, room, [step], { transaction });
  if (txn) {
    written.catch(() => context.rooms.sentTransactions.remove(sender, txn));
    await context.rooms.sentTransactions.add(sender, txn, eventId, sentAt);
  }
  return { eventId, position: step.position, written };
};

/** Checks, makes and queues an event of a user of ours, as the room's writer; refuses as `sendEvent` does. */
export const sendInRoom = async (
  context: RoomContext,
  room: Room,
  request: EventToSend,
): Promise<Sending> => {
  const wanted = withTarget(request);
  const { sender, txn } = wanted;
  const seen = txn && (await context.rooms.sentTransactions.find(sender, txn));
  const sent = seen === undefined ? undefined : await known(context, seen);
  if (sent) return sent;
  await check(context, room, wanted);
  return (await sameState(context, room, wanted)) ?? (await append(context, room, wanted));
};
