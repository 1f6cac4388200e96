import { clientEvent, eventFromPdu, type JsonObject, redact } from '@candor/federation';
import type { StoredEvent } from '../storage/stored-event.ts';
import { visibleEvents } from './history-visibility.ts';
import type { StepContext } from './place-event.ts';

/**
 * The redaction of each redacted event of one room, as a client is shown it. Who may not see the redaction, having left
 * before it, learns that there was one and not its reason.
 */
export const readRedactions = async (
  context: Omit<StepContext, 'now'>,
  userId: string,
  events: readonly StoredEvent[],
): Promise<(stored: StoredEvent) => JsonObject | undefined> => {
  const { rooms } = context;
  const [first] = events.filter(({ redactedBy }) => redactedBy !== null);
  const room = first && (await rooms.get(first.event.roomId));
  if (!room) return () => undefined;
  const redactions = await rooms.events.load(events.flatMap(({ redactedBy }) => redactedBy ?? []));
  const seen = await visibleEvents(context, room, userId, [...redactions.values()]);
  const visible = new Set(seen.map(({ stored }) => stored.event.eventId));
  return ({ redactedBy }) => {
    const event = redactions.get(redactedBy ?? '')?.event;
    if (!event || visible.has(event.eventId)) return event && clientEvent(event);
    const { pdu, eventId, roomId } = event;
    return clientEvent(eventFromPdu(redact(pdu, room.rules), eventId, roomId, room.rules));
  };
};
