import type { federation } from '@candor/spec';
import { offerMembership } from '../../../peers/offer-membership.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const makeLeave: Handler<typeof federation.makeLeave> = async (
  context,
  { origin, params },
) => {
  const asked = { ...params, membership: 'leave' } as const;
  return new Answer({ body: JSON.stringify(await offerMembership(context, origin, asked)) });
};
