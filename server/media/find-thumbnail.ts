import { createSlots } from '@candor/federation/transport';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { MediaContent } from '../storage/media.ts';
import type { Blobs } from './blobs.ts';
import { isInlineType } from './content-type.ts';
import { type MadeThumbnail, makeThumbnail } from './make-thumbnail.ts';
import { type ThumbnailRequest, thumbnailSize } from './thumbnail-size.ts';

export type Thumbnail = { readonly path: string; readonly contentType: string };

type Format = MadeThumbnail['format'] | 'original';

const formats: readonly Format[] = ['jpeg', 'png', 'webp', 'original'];
const inTurn = createSlots(limits.thumbnailsAtOnceMax);
let wanted = 0;

/** Pictures are made a few at a time: each takes a processor and memory. Throws M_LIMIT_EXCEEDED. */
const whenFree = async <T>(work: () => Promise<T>): Promise<T> => {
  if (wanted >= limits.thumbnailsAtOnceMax + limits.thumbnailsWaitingMax) {
    throw new MatrixError('M_LIMIT_EXCEEDED', 'too many thumbnails are being made', {
      fields: { retry_after_ms: limits.thumbnailRetryMs },
    });
  }
  wanted += 1;
  return inTurn(work).finally(() => {
    wanted -= 1;
  });
};

const originalOf = (blobs: Blobs, { fileName, contentType }: MediaContent): Thumbnail => {
  if (!contentType.startsWith('image/') || !isInlineType(contentType)) {
    throw new MatrixError('M_UNKNOWN', 'there are no thumbnails of this file', { status: 400 });
  }
  return { path: blobs.path(fileName), contentType };
};

const variantOf = ({ width, height, method, isAnimated }: ThumbnailRequest): string =>
  `${width}x${height}-${method}${isAnimated ? '-animated' : ''}`;

const findMade = async (
  blobs: Blobs,
  fileName: string,
  variant: string,
): Promise<Format | undefined> => {
  for (const format of formats) {
    if (await blobs.has(blobs.path(fileName, `${variant}.${format}`))) return format;
  }
  return undefined;
};

const make = async (
  blobs: Blobs,
  content: MediaContent,
  size: ThumbnailRequest,
): Promise<Format> => {
  const { fileName } = content;
  const made = await whenFree(() => makeThumbnail(blobs.path(fileName), size));
  const format = made?.format ?? 'original';
  const bytes = made?.bytes ?? Buffer.alloc(0);
  await blobs.writeVariant(fileName, `${variantOf(size)}.${format}`, bytes);
  return format;
};

/**
 * A small picture of a file, made when it is first asked for; the file itself where that is small enough, or where
 * something larger than any thumbnail is wanted. Throws M_UNKNOWN with 400, M_TOO_LARGE, M_LIMIT_EXCEEDED.
 */
// https://spec.matrix.org/v1.19/client-server-api/#thumbnails
export const findThumbnail = async (
  { blobs }: Pick<Context, 'blobs'>,
  content: MediaContent,
  request: ThumbnailRequest,
): Promise<Thumbnail> => {
  const size = thumbnailSize(request);
  if (!size) return originalOf(blobs, content);
  const { fileName } = content;
  const variant = variantOf(size);
  const format =
    (await findMade(blobs, fileName, variant)) ??
    (await blobs.once(`${fileName}-${variant}`, () => make(blobs, content, size)));
  if (format === 'original') return originalOf(blobs, content);
  return { path: blobs.path(fileName, `${variant}.${format}`), contentType: `image/${format}` };
};
