import { eventFromPdu, mayRedact, type RoomEvent, redact } from '@candor/federation';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { Room } from './room.ts';

/**
 * The event as it is kept once `redaction` has been applied; undefined when that has no effect: another room, not
 * allowed, or redacted already.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#handling-redactions
export const redactStored = (
  room: Room,
  redaction: RoomEvent,
  target: StoredEvent,
): StoredEvent | undefined => {
  if (target.roomNid !== room.roomNid || target.redactedBy !== null) return undefined;
  if (!mayRedact(redaction, target.event, room.levels)) return undefined;
  const { eventId, roomId, pdu } = target.event;
  return {
    ...target,
    event: eventFromPdu(redact(pdu, room.rules), eventId, roomId, room.rules),
    redactedBy: redaction.eventId,
  };
};
