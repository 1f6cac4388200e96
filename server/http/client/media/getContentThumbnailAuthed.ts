import type { clientServer } from '@candor/spec';
import { findMedia } from '../../../media/find-media.ts';
import { findThumbnail } from '../../../media/find-thumbnail.ts';
import { readMediaName } from '../../../media/media-name.ts';
import type { Handler } from '../../handler.ts';
import { answerMedia } from './answer-media.ts';

export const getContentThumbnailAuthed: Handler<
  typeof clientServer.getContentThumbnailAuthed
> = async (context, { params, query, signal }) => {
  const { width, height, method = 'scale', animated = false, timeout_ms: timeoutMs } = query;
  const name = readMediaName(params.serverName, params.mediaId);
  const content = await findMedia(context, { name, timeoutMs, signal });
  const request = { width, height, method, isAnimated: animated };
  const { path, contentType } = await findThumbnail(context, content, request);
  const length = (await context.blobs.size(path)) ?? 0;
  const fileName = `thumbnail.${contentType.slice('image/'.length)}`;
  const body = context.blobs.read(path);
  return answerMedia({ body, contentType, length }, `inline; filename="${fileName}"`);
};
