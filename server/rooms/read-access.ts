import { MatrixError } from '@candor/spec';
import { readMembership } from '../storage/memberships.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { isWorldReadable } from './history-visibility.ts';
import { lastDeparture } from './last-departure.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

/** How a user may read a room: as it is now, or as it was when the user left. */
export type ReadAccess = {
  readonly room: Room;
  readonly userId: string;
  /** The event with which the user left, for users who are not in the room any more. */
  readonly leftBy: StoredEvent | undefined;
};

/** Lets in who is in the room, was in it, or may look into it from outside. Throws M_FORBIDDEN. */
export const readAccess = async (
  { db, rooms }: Pick<StepContext, 'db' | 'rooms'>,
  roomId: string,
  userId: string,
): Promise<ReadAccess> => {
  const room = await rooms.get(roomId);
  if (room && (room.joined.has(userId) || isWorldReadable(room))) {
    return { room, userId, leftBy: undefined };
  }
  const leftBy = room && (await lastDeparture({ rooms }, room, userId));
  const past = leftBy && (await readMembership(db, room.roomNid, userId));
  if (!leftBy || past?.isForgotten !== false) {
    throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  }
  return { room, userId, leftBy };
};
