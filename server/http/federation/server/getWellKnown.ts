import { type federation, MatrixError } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** Only where the operator has said that other servers are to go elsewhere. */
// https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver
export const getWellKnown: Handler<typeof federation.getWellKnown> = async ({ config }) => {
  const { delegateTo } = config.federation;
  if (delegateTo === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'Other servers come to the server name itself');
  }
  return { 'm.server': delegateTo };
};
