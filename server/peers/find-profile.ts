import { isObject } from '@candor/federation';
import { isUserId, limits, MatrixError, serverNameOf } from '@candor/spec';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';
import { readProfile } from '../storage/profiles.ts';
import { peerRefusal } from './peer-refusal.ts';

type Profile = Readonly<Record<string, unknown>>;

const askServer = async (
  { federation }: Pick<Context, 'federation'>,
  destination: string,
  query: { readonly user_id: string; readonly field?: string },
): Promise<Profile> => {
  const { body } = await federation.client
    .request({
      destination,
      method: 'GET',
      path: '/_matrix/federation/v1/query/profile',
      query,
      timeoutMs: limits.directoryTimeoutMs,
      maxBytes: 2 * limits.profileBytesMax,
    })
    .catch((error: unknown) => {
      throw peerRefusal(error);
    });
  return isObject(body) ? body : {};
};

/**
 * A user's profile, or one field of it; of other servers' users from there, when a user of ours asks. Throws
 * M_NOT_FOUND, M_INVALID_PARAM, M_MISSING_TOKEN.
 */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile
export const findProfile = async (
  context: Pick<Context, 'config' | 'db' | 'federation'>,
  caller: Session | undefined,
  userId: string,
  field?: string,
): Promise<Profile> => {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'not a user id');
  const serverName = serverNameOf(userId) ?? '';
  const isLocal = serverName === context.config.serverName;
  // Nobody else can make this server send requests.
  if (!isLocal && !caller) throw new MatrixError('M_MISSING_TOKEN', 'an access token is needed');
  const profile = isLocal
    ? await readProfile(context.db, userId)
    : await askServer(context, serverName, {
        user_id: userId,
        ...(field !== undefined && { field }),
      });
  if (!profile) throw new MatrixError('M_NOT_FOUND', 'there is no such user');
  if (field === undefined) return profile;
  if (!Object.hasOwn(profile, field)) throw new MatrixError('M_NOT_FOUND', 'no such field');
  return { [field]: profile[field] };
};
