import { serverNameOf } from '@candor/spec';
import type { RoomEvent } from '../events/room-event.ts';
import type { PowerLevels } from './power-levels.ts';

/** Whether an allowed redaction takes effect on its target, under the power levels at the redaction. */
// https://spec.matrix.org/v1.19/rooms/v12/#handling-redactions
export const mayRedact = (
  redaction: RoomEvent,
  target: RoomEvent,
  levels: PowerLevels,
): boolean => {
  if (redaction.redacts !== target.eventId || redaction.roomId !== target.roomId) return false;
  return (
    levels.ofUser(redaction.sender) >= levels.toRedact ||
    serverNameOf(redaction.sender) === serverNameOf(target.sender)
  );
};
