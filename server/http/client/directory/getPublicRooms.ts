import { type clientServer, MatrixError } from '@candor/spec';
import { findPublicRooms } from '../../../peers/find-public-rooms.ts';
import type { Handler } from '../../handler.ts';

export const getPublicRooms: Handler<typeof clientServer.getPublicRooms> = async (
  context,
  { query, caller },
) => {
  const { server, limit, since } = query;
  if (server !== undefined && !caller) {
    throw new MatrixError('M_MISSING_TOKEN', 'an access token is needed to ask other servers');
  }
  return findPublicRooms(context, server, {
    ...(limit !== undefined && { limit }),
    ...(since !== undefined && { since }),
  });
};
