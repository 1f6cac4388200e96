import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

/** What the current state says of a user; `leave` when it says nothing. */
export const readCurrentMembership = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  room: Room,
  userId: string,
): Promise<string> => {
  if (room.joined.has(userId)) return 'join';
  const entry = room.memberEntry(userId);
  const stored = entry && (await rooms.events.loadOne(entry.eventId));
  const membership = stored?.event.content['membership'];
  return typeof membership === 'string' ? membership : 'leave';
};
