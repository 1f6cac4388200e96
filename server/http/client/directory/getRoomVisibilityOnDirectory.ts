import { type clientServer, MatrixError } from '@candor/spec';
import { readPublished } from '../../../storage/room-directory.ts';
import type { Handler } from '../../handler.ts';

export const getRoomVisibilityOnDirectory: Handler<
  typeof clientServer.getRoomVisibilityOnDirectory
> = async ({ db }, { params }) => {
  const isPublished = await readPublished(db, params.roomId);
  if (isPublished === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'this server does not know the room');
  }
  return { visibility: isPublished ? 'public' : 'private' };
};
