import type { clientServer } from '@candor/spec';
import { walkSpace } from '../../../rooms/walk-space.ts';
import type { Handler } from '../../handler.ts';

export const getSpaceHierarchy: Handler<typeof clientServer.getSpaceHierarchy> = async (
  context,
  { params, query, caller },
) => {
  const { rooms, nextBatch } = await walkSpace(context, {
    roomId: params.roomId,
    userId: caller.userId,
    suggestedOnly: query.suggested_only ?? false,
    maxDepth: query.max_depth,
    limit: query.limit,
    from: query.from,
  });
  return {
    rooms: rooms.map(({ summary, children }) => ({
      ...summary,
      children_state: children.map(({ state }) => state),
    })),
    ...(nextBatch !== undefined && { next_batch: nextBatch }),
  };
};
