import { type clientServer, MatrixError } from '@candor/spec';
import { findMedia } from '../../../media/find-media.ts';
import { findThumbnail } from '../../../media/find-thumbnail.ts';
import { readMediaName } from '../../../media/media-name.ts';
import type { Handler } from '../../handler.ts';
import { answerMedia } from './answer-media.ts';

/** A picture that is too large is the fault of the server it comes from. */
const ofOtherServer = (error: unknown): unknown =>
  error instanceof MatrixError && error.errcode === 'M_TOO_LARGE'
    ? new MatrixError('M_TOO_LARGE', error.message, { status: 502, cause: error })
    : error;

export const getContentThumbnailAuthed: Handler<
  typeof clientServer.getContentThumbnailAuthed
> = async (context, { params, query, signal }) => {
  const { width, height, method = 'scale', animated = false, timeout_ms: timeoutMs } = query;
  const name = readMediaName(params.serverName, params.mediaId);
  const content = await findMedia(context, { name, timeoutMs, signal });
  const request = { width, height, method, isAnimated: animated };
  const isOurs = name.origin === context.config.serverName;
  const { path, contentType } = await findThumbnail(context, content, request).catch(
    (error: unknown) => {
      throw isOurs ? error : ofOtherServer(error);
    },
  );
  const { body, length } = await context.blobs.open(path);
  const fileName = `thumbnail.${contentType.slice('image/'.length)}`;
  return answerMedia({ body, contentType, length }, `inline; filename="${fileName}"`);
};
