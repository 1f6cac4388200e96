import type { clientServer } from '@candor/spec';
import { readMembers } from '../../../rooms/read-members.ts';
import type { Handler } from '../../handler.ts';
import { asClientEvents } from './as-client-events.ts';

export const getMembersByRoom: Handler<typeof clientServer.getMembersByRoom> = async (
  context,
  { params, query, caller },
) => {
  const members = await readMembers(context, caller, {
    roomId: params.roomId,
    at: query.at,
    membership: query.membership,
    notMembership: query.not_membership,
  });
  return { chunk: asClientEvents(members) };
};
