import type { clientServer } from '@candor/spec';
import { readStateEvent } from '../../../rooms/read-state.ts';
import type { Handler } from '../../handler.ts';

export const getRoomStateWithKey: Handler<typeof clientServer.getRoomStateWithKey> = async (
  context,
  { params, query, caller },
) => {
  const { roomId, eventType, stateKey } = params;
  const event = await readStateEvent(context, caller, roomId, eventType, stateKey);
  return query.format === 'event' ? event : (event['content'] as Record<string, unknown>);
};
