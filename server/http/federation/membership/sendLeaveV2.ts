import type { federation } from '@candor/spec';
import { acceptMembership } from '../../../peers/accept-membership.ts';
import type { Handler } from '../../handler.ts';

export const sendLeaveV2: Handler<typeof federation.sendLeaveV2> = async (
  context,
  { origin, params, body },
) => {
  await acceptMembership(context, origin, { ...params, pdu: body, membership: 'leave' });
  return {};
};
