import type { federation } from '@candor/spec';
import { contentDisposition } from '../../../media/content-type.ts';
import { findLocalMedia } from '../../../media/find-media.ts';
import { readMediaName } from '../../../media/media-name.ts';
import type { Handler } from '../../handler.ts';
import { answerMultipart } from './answer-multipart.ts';

export const getContent: Handler<typeof federation.getContent> = async (
  context,
  { params, query, signal },
) => {
  const { blobs, config, randomBytes } = context;
  const name = readMediaName(config.serverName, params.mediaId);
  const content = await findLocalMedia(context, { name, timeoutMs: query.timeout_ms, signal });
  const { contentType, fileName, uploadName } = content;
  const disposition = contentDisposition(contentType, uploadName);
  const file = await blobs.open(blobs.path(fileName));
  return answerMultipart({ ...file, contentType, disposition }, randomBytes(16).toString('hex'));
};
