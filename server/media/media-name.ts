import { isServerName, MatrixError } from '@candor/spec';
import type { MediaName } from '../storage/media.ts';

/** The media that a path names. Throws M_NOT_FOUND for what cannot be an `mxc://` address. */
// https://spec.matrix.org/v1.19/client-server-api/#content-repo-security-considerations
export const readMediaName = (origin: string, mediaId: string): MediaName => {
  if (!isServerName(origin) || !/^[A-Za-z0-9_-]{1,255}$/.test(mediaId)) {
    throw new MatrixError('M_NOT_FOUND', 'there is no such media');
  }
  return { origin, mediaId };
};

export const mxcUri = ({ origin, mediaId }: MediaName): string => `mxc://${origin}/${mediaId}`;
