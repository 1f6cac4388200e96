import { isUserId, limits, MatrixError, serverNameOf } from '@candor/spec';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';
import { askPeer } from '../rooms/remote/ask-peer.ts';
import { tryServers } from '../rooms/remote/try-servers.ts';
import { readProfile } from '../storage/profiles.ts';

type Profile = Readonly<Record<string, unknown>>;

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
    : await tryServers([serverName], (server) =>
        askPeer(context, {
          server,
          method: 'GET',
          path: ['v1', 'query', 'profile'],
          query: { user_id: userId, field },
          timeoutMs: limits.directoryTimeoutMs,
          maxBytes: 2 * limits.profileBytesMax,
        }),
      );
  if (!profile) throw new MatrixError('M_NOT_FOUND', 'there is no such user');
  if (field === undefined) return profile;
  if (!Object.hasOwn(profile, field)) throw new MatrixError('M_NOT_FOUND', 'no such field');
  return { [field]: profile[field] };
};
