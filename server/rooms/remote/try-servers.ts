import { splitServerName } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { type ErrorCode, limits, MatrixError, serverNameOf } from '@candor/spec';
import type { Membership } from '../../storage/memberships.ts';
import type { RemoteContext } from './remote-context.ts';

/** Servers that were in the room when the invitation, or the answer to the knock, came from there. */
export const serversOfMembership = ({
  sender,
  strippedState,
  knockedThrough,
}: Membership): readonly (string | undefined)[] => {
  const senders = [sender, ...strippedState.map((event) => event.sender)];
  return [knockedThrough ?? undefined, ...senders.map(serverNameOf)];
};

/** The servers that may be asked about a room, each once, in the order given; the one that a room id names comes last. */
export const serversToTry = (
  { config, federation }: Pick<RemoteContext, 'config' | 'federation'>,
  roomId: string,
  named: readonly (string | undefined)[],
): readonly string[] => {
  const servers = new Set([...named, serverNameOf(roomId)]);
  return [...servers]
    .filter((server) => server !== undefined)
    .filter((server) => server !== config.serverName && splitServerName(server) !== undefined)
    .filter((server) => federation.isAllowed(server))
    .slice(0, limits.joinServersTriedMax);
};

// What is wrong with our request is no concern of our user.
// https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
const ourFaults: ReadonlySet<string> = new Set(['M_MISSING_PARAM', 'M_INVALID_PARAM']);

/**
 * What another server may say of a room or a user. Any other code a client would take for what this server says of
 * the caller: with M_UNKNOWN_TOKEN a stranger could sign our users out.
 */
const passedOn: readonly ErrorCode[] = [
  'M_FORBIDDEN',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_INVITE_BLOCKED',
  'M_LIMIT_EXCEEDED',
  'M_NOT_FOUND',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
];

const codeOf = ({ errcode, status }: PeerError): ErrorCode =>
  passedOn.find((code) => code === errcode) ?? (status === 401 ? 'M_FORBIDDEN' : 'M_UNKNOWN');

/** What a user is told; a refusal of the room says more than a server that does not know it. */
const refusalOf = (errors: readonly PeerError[]): MatrixError => {
  const refusals = errors.filter(
    ({ status = 0, errcode }) =>
      status >= 400 && status < 500 && errcode !== undefined && !ourFaults.has(errcode),
  );
  const knowing = refusals.filter((error) => !['M_NOT_FOUND', 'M_UNKNOWN'].includes(codeOf(error)));
  const first = knowing[0] ?? refusals[0];
  if (first) {
    const { roomVersion, retryAfterMs, message } = first;
    const errcode = codeOf(first);
    const fields = {
      ...(errcode === 'M_INCOMPATIBLE_ROOM_VERSION' && { room_version: roomVersion }),
      ...(errcode === 'M_LIMIT_EXCEEDED' && { retry_after_ms: retryAfterMs }),
    };
    const status = errcode === 'M_UNKNOWN' ? { status: first.status ?? 400 } : {};
    return new MatrixError(errcode, message, { ...status, fields, cause: first });
  }
  const [any] = errors;
  if (!any) return new MatrixError('M_NOT_FOUND', 'no server in the room is known');
  const text = `no server could help: ${errors.map((error) => error.message).join('; ')}`;
  return new MatrixError('M_CONNECTION_FAILED', text, { cause: any });
};

/** Asks servers in turn until one helps. Throws what tells the user most about why none did. */
export const tryServers = async <T>(
  servers: readonly string[],
  ask: (server: string) => Promise<T>,
): Promise<T> => {
  const errors: PeerError[] = [];
  for (const server of servers) {
    try {
      return await ask(server);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      errors.push(error);
    }
  }
  throw refusalOf(errors);
};
