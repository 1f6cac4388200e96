import type { clientServer } from '@candor/spec';
import { readThreadRoots } from '../../../rooms/read-relations.ts';
import type { Handler } from '../../handler.ts';
import { asClientEvents } from '../rooms/as-client-events.ts';

export const getThreadRoots: Handler<typeof clientServer.getThreadRoots> = async (
  context,
  { params, query, caller },
) => {
  const { roomId } = params;
  const { chunk, ...rest } = await readThreadRoots(context, caller, { roomId, ...query });
  return { ...rest, chunk: asClientEvents(chunk) };
};
