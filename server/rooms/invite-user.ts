import { isUserId, MatrixError, serverNameOf } from '@candor/spec';
import { inviteRemote } from './remote/invite-remote.ts';
import type { RemoteContext } from './remote/remote-context.ts';
import type { SentEvent } from './send-in-room.ts';
import { type MembershipChange, sendMembership } from './send-membership.ts';

/** Invites a user. Throws M_FORBIDDEN, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
export const inviteUser = async (
  context: RemoteContext,
  invitation: MembershipChange,
): Promise<SentEvent> => {
  const { target } = invitation;
  if (!isUserId(target)) throw new MatrixError('M_INVALID_PARAM', 'user_id: not a user id');
  if (serverNameOf(target) !== context.config.serverName) {
    return inviteRemote(context, invitation);
  }
  return sendMembership(context, invitation, 'invite');
};
