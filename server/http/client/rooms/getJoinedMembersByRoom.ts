import type { clientServer } from '@candor/spec';
import { readJoinedMembers } from '../../../rooms/read-members.ts';
import type { Handler } from '../../handler.ts';

export const getJoinedMembersByRoom: Handler<typeof clientServer.getJoinedMembersByRoom> = async (
  context,
  { params, caller },
) => ({ joined: await readJoinedMembers(context, caller.userId, params.roomId) });
