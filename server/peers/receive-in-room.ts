import type { RoomEvent } from '@candor/federation';
import type { Context } from '../context.ts';
import { checkIncoming } from '../rooms/remote/check-incoming.ts';
import type { Reception } from '../rooms/remote/place-received.ts';
import { receiveEvent } from '../rooms/remote/receive-event.ts';
import { isServerAllowed } from '../rooms/server-acl.ts';
import type { OfRoom } from '../storage/staged-pdus.ts';
import { receiveUninvited } from './receive-uninvited.ts';

/** What became of each event that has an id; `error` where it was not taken. */
export type PduResults = Map<string, { readonly error?: string }>;

/** Takes an event; where what it builds on could not be had, once more later. */
const receiveOne = async (
  context: Context,
  { origin, roomId }: OfRoom,
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

/** Takes in what a server sent for a room, in its order; what is wrong with one event costs no other. */
export const receiveInRoom = async (
  context: Context,
  { origin, roomId }: OfRoom,
  pdus: readonly unknown[],
): Promise<PduResults> => {
  const results: PduResults = new Map();
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
