import { type federation, MatrixError } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** Only for room versions 1 and 2, which this server does not speak. */
// https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1inviteroomideventid
export const sendInviteV1: Handler<typeof federation.sendInviteV1> = async () => {
  throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'this server does not speak the version', {
    fields: { room_version: '1' },
  });
};
