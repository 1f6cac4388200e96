import { type federation, MatrixError, serverNameOf } from '@candor/spec';
import { readProfile } from '../../../storage/profiles.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const queryProfile: Handler<typeof federation.queryProfile> = async (
  { config, db },
  { query: { user_id: userId, field } },
) => {
  const isOurs = serverNameOf(userId) === config.serverName;
  const profile = isOurs ? await readProfile(db, userId) : undefined;
  if (!profile) throw new MatrixError('M_NOT_FOUND', 'there is no such user');
  if (field === undefined) return new Answer({ body: JSON.stringify(profile) });
  const asked = Object.hasOwn(profile, field) ? { [field]: profile[field] } : {};
  return new Answer({ body: JSON.stringify(asked) });
};
