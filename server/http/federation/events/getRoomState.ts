import type { federation } from '@candor/spec';
import { placedEventOfServer } from '../../../peers/event-of-server.ts';
import { pdusOf, stateIdsBefore } from '../../../peers/room-answer.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const getRoomState: Handler<typeof federation.getRoomState> = async (
  context,
  { origin, params, query },
) => {
  const stored = await placedEventOfServer(context, origin, params.roomId, query.event_id);
  const { state, chain } = await stateIdsBefore(context, stored);
  const answer = { pdus: await pdusOf(context, state), auth_chain: await pdusOf(context, chain) };
  return new Answer({ body: JSON.stringify(answer) });
};
