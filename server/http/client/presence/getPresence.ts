import { type clientServer, MatrixError } from '@candor/spec';
import { presenceContent } from '../../../presence/tell-presence.ts';
import { readPresence, readUsersSharingRoom } from '../../../storage/presence.ts';
import type { Handler } from '../../handler.ts';

export const getPresence: Handler<typeof clientServer.getPresence> = async (
  { db, sync, now },
  { params: { userId }, caller },
) => {
  const sharing = await readUsersSharingRoom(db, caller.userId, [userId]);
  if (!sharing.has(userId)) {
    throw new MatrixError('M_FORBIDDEN', 'presence is shown to those who share a room');
  }
  const known = sync.presence.of(userId);
  if (known) return presenceContent(known, now());
  // Nobody has been seen since the server started.
  const stored = await readPresence(db, userId);
  const { lastActiveAt = 0, statusMessage } = stored ?? {};
  return presenceContent({ presence: 'offline', lastActiveAt, statusMessage }, now());
};
