import { type clientServer, MatrixError, type Operation } from '@candor/spec';
import { lockedError } from '../accounts/locked-error.ts';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';

type ClientOperationId = keyof typeof clientServer;

// https://spec.matrix.org/v1.19/client-server-api/#account-locking
const allowedWhenLocked: ReadonlySet<string> = new Set<ClientOperationId>(['logout', 'logout_all']);

/** Beside reading, which is always allowed; what depends on the path is left to the handler. */
// https://spec.matrix.org/v1.19/client-server-api/#account-suspension
const allowedWhenSuspended: ReadonlySet<string> = new Set<ClientOperationId>([
  'logout',
  'logout_all',
  'updateDevice',
  'deleteDevice',
  'deleteDevices',
  'changePassword',
  'deactivateAccount',
  'defineFilter',
  'setAccountData',
  'setAccountDataPerRoom',
  'setReadMarker',
  'postReceipt',
  'setPresence',
  'uploadKeys',
  'queryKeys',
  'claimKeys',
  'uploadCrossSigningKeys',
  'uploadCrossSigningSignatures',
  'sendToDevice',
  'postRoomKeysVersion',
  'putRoomKeysVersion',
  'putRoomKeys',
  'putRoomKeysByRoomId',
  'deleteRoomKeysVersion',
  'leaveRoom',
  'forgetRoom',
  'redactEvent',
  'reportRoom',
  'reportEvent',
  'reportUser',
]);

/** The token of the Authorization header, or of the query string. */
// v1.19 has the query parameter deprecated, not removed.
// https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
const tokenOf = (authorization: string | undefined, query: string): string | undefined => {
  if (authorization !== undefined) return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (!query.includes('access_token=')) return undefined;
  return new URLSearchParams(query).get('access_token') ?? undefined;
};

/** Until the user has a password of their own, as if suspended: clients know that state, and it lets the password be changed. */
const suspensionOf = ({ isSuspended, mustChangePassword }: Session): string | undefined => {
  if (isSuspended) return 'You cannot perform this action while suspended.';
  if (mustChangePassword) return 'An administrator gave you this password: change it first.';
  return undefined;
};

const refuseRestricted = (session: Session, operation: Operation): void => {
  if (session.isLocked && !allowedWhenLocked.has(operation.id)) {
    throw lockedError();
  }
  const isRead = operation.method === 'GET';
  const suspension = suspensionOf(session);
  if (suspension !== undefined && !isRead && !allowedWhenSuspended.has(operation.id)) {
    throw new MatrixError('M_USER_SUSPENDED', suspension);
  }
};

/** The caller of a user's operation; undefined where none is required and none is named. */
export const authenticateUser = async (
  { accounts, now }: Context,
  operation: Operation,
  authorization: string | undefined,
  query: string,
): Promise<Session | undefined> => {
  const token = tokenOf(authorization, query);
  if (!token) {
    if (operation.auth === 'accessTokenOptional') return undefined;
    throw new MatrixError('M_MISSING_TOKEN', 'An access token is needed');
  }
  const found = accounts.sessions.find(token);
  const session = found instanceof Promise ? await found : found;
  if (!session) throw new MatrixError('M_UNKNOWN_TOKEN', 'The access token is not known');
  if (session.expiresAt !== undefined && session.expiresAt <= now()) {
    throw new MatrixError('M_UNKNOWN_TOKEN', 'The access token has expired', {
      fields: { soft_logout: true },
    });
  }
  refuseRestricted(session, operation);
  return session;
};
