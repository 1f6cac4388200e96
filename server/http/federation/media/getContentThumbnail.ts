import type { federation } from '@candor/spec';
import { findLocalMedia } from '../../../media/find-media.ts';
import { findThumbnail } from '../../../media/find-thumbnail.ts';
import { readMediaName } from '../../../media/media-name.ts';
import type { Handler } from '../../handler.ts';
import { answerMultipart } from './answer-multipart.ts';

export const getContentThumbnail: Handler<typeof federation.getContentThumbnail> = async (
  context,
  { params, query, signal },
) => {
  const { blobs, config, randomBytes } = context;
  const { width, height, method = 'scale', animated = false, timeout_ms: timeoutMs } = query;
  const name = readMediaName(config.serverName, params.mediaId);
  const content = await findLocalMedia(context, { name, timeoutMs, signal });
  const request = { width, height, method, isAnimated: animated };
  const { path, contentType } = await findThumbnail(context, content, request);
  const file = await blobs.open(path);
  const disposition = `inline; filename="thumbnail.${contentType.slice('image/'.length)}"`;
  const part = { ...file, contentType, disposition };
  return answerMultipart(part, randomBytes(16).toString('hex'));
};
