import { MatrixError } from '@candor/spec';
import type { RoomContext } from './build-room-event.ts';
import type { SentEvent } from './send-in-room.ts';
import { type MembershipChange, sendMembership } from './send-membership.ts';

/** Removes a user who may come back, or takes an invitation or a knock away. Throws M_FORBIDDEN, M_BAD_STATE. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick
export const kickUser = (context: RoomContext, change: MembershipChange): Promise<SentEvent> =>
  sendMembership(context, change, 'leave', (present) => {
    if (present === 'ban')
      throw new MatrixError('M_BAD_STATE', 'the user is banned', { status: 403 });
    if (present === 'leave') throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  });

/** Removes a user, in the room or not, who may not come in any more. Throws M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban
export const banUser = (context: RoomContext, change: MembershipChange): Promise<SentEvent> =>
  sendMembership(context, change, 'ban');

/** Lifts a ban. Throws M_FORBIDDEN, M_BAD_STATE. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban
export const unbanUser = (context: RoomContext, change: MembershipChange): Promise<SentEvent> =>
  sendMembership(context, change, 'leave', (present) => {
    if (present !== 'ban')
      throw new MatrixError('M_BAD_STATE', 'the user is not banned', { status: 403 });
  });
