import { type federation, MatrixError } from '@candor/spec';
import { offerMembership } from '../../../peers/offer-membership.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const makeJoin: Handler<typeof federation.makeJoin> = async (
  context,
  { origin, params, query },
) => {
  const { ver: versions = ['1'] } = query;
  const asked = { ...params, membership: 'join', versions } as const;
  try {
    return new Answer({ body: JSON.stringify(await offerMembership(context, origin, asked)) });
  } catch (error) {
    // Between servers this code goes with another status than between client and server.
    // https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms
    if (!(error instanceof MatrixError) || error.errcode !== 'M_UNABLE_TO_GRANT_JOIN') throw error;
    throw new MatrixError(error.errcode, error.message, { status: 400, cause: error });
  }
};
