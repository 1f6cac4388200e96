import { type clientServer, MatrixError } from '@candor/spec';
import { readRegistrationToken } from '../../../storage/registration-tokens.ts';
import type { Handler } from '../../handler.ts';

export const registrationTokenValidity: Handler<
  typeof clientServer.registrationTokenValidity
> = async ({ config, db, now }, { query }) => {
  if (config.registration.mode === 'closed') {
    throw new MatrixError('M_FORBIDDEN', 'Registration is closed');
  }
  const token = await readRegistrationToken(db, query.token, now());
  return { valid: token !== undefined };
};
