import type { federation } from '@candor/spec';
import { offerMembership } from '../../../peers/offer-membership.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const makeKnock: Handler<typeof federation.makeKnock> = async (
  context,
  { origin, params, query },
) => {
  const asked = { ...params, membership: 'knock', versions: query.ver } as const;
  return new Answer({ body: JSON.stringify(await offerMembership(context, origin, asked)) });
};
