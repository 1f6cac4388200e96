import { MatrixError } from '@candor/spec';

/** All media of this server came after it had stopped serving any without a token: it never did. */
// https://spec.matrix.org/v1.19/client-server-api/#content-repo-client-behaviour
export const withoutToken = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'media is served at /_matrix/client/v1/media, with a token');
