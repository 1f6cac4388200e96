import type { clientServer } from '@candor/spec';
import { freeUserId } from '../../../accounts/create-account.ts';
import type { Handler } from '../../handler.ts';

export const checkUsernameAvailability: Handler<
  typeof clientServer.checkUsernameAvailability
> = async (context, { query }) => {
  await freeUserId(context, query.username);
  return { available: true };
};
