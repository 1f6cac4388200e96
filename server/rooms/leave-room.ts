import { MatrixError } from '@candor/spec';
import { transact } from '../storage/database.ts';
import { forgetMembership, readMembership } from '../storage/memberships.ts';
import type { RoomContext } from './build-room-event.ts';
import { leaveRemote } from './remote/leave-remote.ts';
import type { RemoteContext } from './remote/remote-context.ts';
import { type MembershipChange, sendMembership } from './send-membership.ts';

type Leaving = Omit<MembershipChange, 'target'>;

/** Leaves a room, refuses an invitation or withdraws a knock; a user who has left already stays so. Throws M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave
export const leaveRoom = async (context: RemoteContext, leaving: Leaving): Promise<void> => {
  const { db, rooms } = context;
  const { roomId, sender } = leaving;
  const room = await rooms.get(roomId);
  const present = room && (await readMembership(db, room.roomNid, sender));
  if (present?.membership === 'leave' && !room?.joined.has(sender)) return;
  if (present && room && !room.isResident) {
    return leaveRemote(context, room, leaving, present);
  }
  await sendMembership(context, { ...leaving, target: sender }, 'leave');
};

/** Forgets a room that the user has left. Throws M_UNKNOWN while the user has not. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget
export const forgetRoom = async (
  { db, rooms }: RoomContext,
  roomId: string,
  userId: string,
): Promise<void> => {
  const room = await rooms.get(roomId);
  const isForgotten =
    room &&
    (await transact(db, async (tx) => {
      const isLeft = await forgetMembership(tx, room.roomNid, userId);
      if (isLeft) tx.tell({ kind: 'membership', roomId, userId, wakes: [userId] });
      return isLeft;
    }));
  if (!isForgotten) {
    throw new MatrixError('M_UNKNOWN', 'the user has not left the room', { status: 400 });
  }
};
