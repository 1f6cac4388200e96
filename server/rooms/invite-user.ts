import { isUserId, MatrixError, serverNameOf } from '@candor/spec';
import type { RoomContext } from './build-room-event.ts';
import type { SentEvent } from './send-in-room.ts';
import { type MembershipChange, sendMembership } from './send-membership.ts';

/** Invites a user. Throws M_FORBIDDEN, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
export const inviteUser = async (
  context: RoomContext,
  invitation: MembershipChange,
): Promise<SentEvent> => {
  const { target } = invitation;
  if (!isUserId(target)) throw new MatrixError('M_INVALID_PARAM', 'user_id: not a user id');
  if (serverNameOf(target) !== context.config.serverName) {
    throw new MatrixError('M_FORBIDDEN', 'users of other servers cannot be invited yet');
  }
  return sendMembership(context, invitation, 'invite');
};
