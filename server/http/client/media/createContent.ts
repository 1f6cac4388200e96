import { type clientServer, limits, MatrixError } from '@candor/spec';
import { mxcUri } from '../../../media/media-name.ts';
import { transact } from '../../../storage/database.ts';
import { dropUnusedMedia, insertMedia } from '../../../storage/media.ts';
import type { Handler } from '../../handler.ts';

export const createContent: Handler<typeof clientServer.createContent> = async (
  context,
  { caller },
) => {
  const { config, db, now, randomBytes } = context;
  const { userId } = caller;
  const createdAt = now();
  const name = { origin: config.serverName, mediaId: randomBytes(18).toString('base64url') };
  await transact(db, async (tx) => {
    const waiting = await dropUnusedMedia(tx, userId, createdAt - limits.mediaReservedMs);
    if (waiting >= limits.mediaReservedPerUserMax) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'too many addresses are waiting for their files');
    }
    await insertMedia(tx, { ...name, content: undefined, uploadedBy: userId, createdAt });
  });
  return { content_uri: mxcUri(name), unused_expires_at: createdAt + limits.mediaReservedMs };
};
