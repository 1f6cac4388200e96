import { limits, MatrixError } from '@candor/spec';
import type { ThumbnailRequest } from './thumbnail-size.ts';

type Sharp = typeof import('sharp')['default'];

let loading: Promise<Sharp> | undefined;

/** Loads the picture library at the first use: a server that makes no thumbnails does not hold it in memory. */
const loadSharp = (): Promise<Sharp> => {
  loading ??= import('sharp').then(({ default: sharp }) => {
    // Decoders have a record of faults: only those of the formats that browsers show are left.
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({
      operation: [
        'VipsForeignLoadJpeg',
        'VipsForeignLoadPng',
        'VipsForeignLoadWebp',
        'VipsForeignLoadNsgif',
        'VipsForeignLoadHeif',
      ],
    });
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loading;
};

export type MadeThumbnail = {
  readonly bytes: Buffer;
  readonly format: 'jpeg' | 'png' | 'webp';
};

const open = (sharp: Sharp, path: string, isAnimated: boolean) =>
  sharp(path, {
    animated: isAnimated,
    limitInputPixels: limits.imagePixelsMax,
    failOn: 'error',
    sequentialRead: true,
  }).timeout({ seconds: limits.thumbnailSecondsMax });

const refusalOf = (error: unknown): MatrixError => {
  const text = error instanceof Error ? error.message : '';
  if (text.includes('pixel limit')) {
    return new MatrixError('M_TOO_LARGE', 'the picture is too large for a thumbnail');
  }
  return new MatrixError('M_UNKNOWN', 'there are no thumbnails of this file', {
    status: 400,
    cause: error,
  });
};

/**
 * A small picture of the picture at a path, of the size asked for or what is left of it, without anything the file
 * tells beside the picture; undefined when the original is smaller still. Throws M_TOO_LARGE, M_UNKNOWN with 400.
 */
export const makeThumbnail = async (
  path: string,
  { width, height, method, isAnimated }: ThumbnailRequest,
): Promise<MadeThumbnail | undefined> => {
  const sharp = await loadSharp();
  try {
    const { autoOrient, hasAlpha, pages = 1 } = await sharp(path).metadata();
    if (autoOrient.width <= width && autoOrient.height <= height) return undefined;
    const isMoving = isAnimated && pages > 1;
    const format = isMoving ? 'webp' : hasAlpha ? 'png' : 'jpeg';
    const image = open(sharp, path, isMoving).autoOrient();
    const fit = method === 'crop' ? 'cover' : 'inside';
    const resized = image.resize({ width, height, fit, withoutEnlargement: true });
    return { bytes: await resized.toFormat(format).toBuffer(), format };
  } catch (error) {
    throw refusalOf(error);
  }
};
