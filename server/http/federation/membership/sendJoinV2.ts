import type { federation } from '@candor/spec';
import { acceptMembership } from '../../../peers/accept-membership.ts';
import { pdusOf, stateIdsBefore } from '../../../peers/room-answer.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const sendJoinV2: Handler<typeof federation.sendJoinV2> = async (
  context,
  { origin, params, body },
) => {
  const sent = { ...params, pdu: body, membership: 'join' } as const;
  const { room, stored } = await acceptMembership(context, origin, sent);
  const { state, chain } = await stateIdsBefore(context, stored);
  const answer = {
    state: await pdusOf(context, state),
    auth_chain: await pdusOf(context, chain),
    event: stored.event.pdu,
    members_omitted: false,
    servers_in_room: [...room.servers.keys()],
  };
  return new Answer({ body: JSON.stringify(answer) });
};
