export type ThumbnailRequest = {
  readonly width: number;
  readonly height: number;
  readonly method: 'crop' | 'scale';
  readonly isAnimated: boolean;
};

/** Sides that thumbnails are made with, so that few of them are kept; those of the recommended sizes are among them. */
// https://spec.matrix.org/v1.19/client-server-api/#thumbnails
const sides = [32, 96, 240, 320, 480, 600, 640, 800, 1_600] as const;

/** The next size up, because a thumbnail must not be smaller than asked for; undefined above all of them. */
export const thumbnailSize = (request: ThumbnailRequest): ThumbnailRequest | undefined => {
  const width = sides.find((side) => side >= request.width);
  const height = sides.find((side) => side >= request.height);
  return width && height ? { ...request, width, height } : undefined;
};
