import type { Context } from '../../../context.ts';
import { contentDisposition } from '../../../media/content-type.ts';
import { findMedia } from '../../../media/find-media.ts';
import { readMediaName } from '../../../media/media-name.ts';
import type { Answer } from '../../answer.ts';
import { answerMedia } from './answer-media.ts';

type Download = {
  readonly params: { readonly serverName: string; readonly mediaId: string };
  readonly query: { readonly timeout_ms?: number };
  readonly signal: AbortSignal;
};

/** A file under its own name, or under the one given. Throws what `findMedia` throws. */
export const downloadMedia = async (
  context: Context,
  { params, query, signal }: Download,
  fileName?: string,
): Promise<Answer> => {
  const name = readMediaName(params.serverName, params.mediaId);
  const content = await findMedia(context, { name, timeoutMs: query.timeout_ms, signal });
  const { contentType } = content;
  const { body, length } = await context.blobs.open(context.blobs.path(content.fileName));
  const disposition = contentDisposition(contentType, fileName ?? content.uploadName);
  return answerMedia({ body, contentType, length }, disposition);
};
