import type { clientServer } from '@candor/spec';
import { readMessages } from '../../../rooms/read-messages.ts';
import type { Handler } from '../../handler.ts';
import { asClientEvents } from './as-client-events.ts';
import { readFilterParameter } from './read-filter-parameter.ts';

export const getRoomEvents: Handler<typeof clientServer.getRoomEvents> = async (
  context,
  { params, query, caller },
) => {
  const { chunk, state, ...tokens } = await readMessages(context, caller, {
    roomId: params.roomId,
    direction: query.dir,
    from: query.from,
    to: query.to,
    limit: query.limit,
    filter: readFilterParameter(query.filter),
  });
  return {
    ...tokens,
    chunk: asClientEvents(chunk),
    ...(state && { state: asClientEvents(state) }),
  };
};
