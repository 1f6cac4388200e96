import type { federation } from '@candor/spec';
import { placedEventOfServer } from '../../../peers/event-of-server.ts';
import { stateIdsBefore } from '../../../peers/room-answer.ts';
import type { Handler } from '../../handler.ts';

export const getRoomStateIds: Handler<typeof federation.getRoomStateIds> = async (
  context,
  { origin, params, query },
) => {
  const stored = await placedEventOfServer(context, origin, params.roomId, query.event_id);
  const { state, chain } = await stateIdsBefore(context, stored);
  return { pdu_ids: [...state], auth_chain_ids: [...chain] };
};
