import { type clientServer, isUserId, limits, MatrixError } from '@candor/spec';
import { readMutualRooms } from '../../../storage/shared-rooms.ts';
import type { Handler } from '../../handler.ts';

export const getMutualRooms: Handler<typeof clientServer.getMutualRooms> = async (
  { db },
  { query, caller },
) => {
  const { user_id: userId, from } = query;
  if (!isUserId(userId) || userId === caller.userId) {
    throw new MatrixError('M_INVALID_PARAM', 'user_id: not another user');
  }
  // A token is the room that the page before ended with.
  const after = from === undefined ? undefined : Buffer.from(from, 'base64url').toString();
  if (after !== undefined && !after.startsWith('!')) {
    throw new MatrixError('M_INVALID_PARAM', 'from: not a token');
  }
  const { roomIds, count } = await readMutualRooms(db, [caller.userId, userId], {
    after,
    limit: limits.mutualRoomsPageMax + 1,
  });
  const joined = roomIds.slice(0, limits.mutualRoomsPageMax);
  const last = joined.at(-1);
  const isMore = roomIds.length > joined.length && last !== undefined;
  return {
    joined,
    count,
    ...(isMore && { next_batch: Buffer.from(last).toString('base64url') }),
  };
};
