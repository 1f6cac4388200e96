import type { federation } from '@candor/spec';
import { acceptMembership } from '../../../peers/accept-membership.ts';
import { readShownState } from '../../../rooms/stripped-state.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const sendKnock: Handler<typeof federation.sendKnock> = async (
  context,
  { origin, params, body },
) => {
  const sent = { ...params, pdu: body, membership: 'knock' } as const;
  const { room } = await acceptMembership(context, origin, sent);
  const shown = await readShownState(room, context.rooms.events);
  const answer = { knock_room_state: shown.map((event) => event.pdu) };
  return new Answer({ body: JSON.stringify(answer) });
};
