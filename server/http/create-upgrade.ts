import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { candor, MatrixError } from '@candor/spec';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';
import { authenticateUser } from './authenticate-user.ts';
import { clientAddress } from './client-address.ts';
import type { HandleOptions } from './handle-operation.ts';
import { errorAnswer } from './write-error.ts';

const operation = candor.candorSyncSocket;
const tokenProtocol = 'dev.candor.access_token.';

/** A connection that may become a WebSocket. */
export type OpeningSocket = {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly session: Session;
  /** Finds the session again; throws when its token is no longer good. */
  readonly authenticate: () => Promise<Session>;
};

/** Browsers cannot set headers: they put the token into a subprotocol. */
const authorizationOf = ({ headers }: IncomingMessage): string | undefined => {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  const withToken = offered.find((name) => name.startsWith(tokenProtocol));
  return withToken ? `Bearer ${withToken.slice(tokenProtocol.length)}` : headers.authorization;
};

/** Which requests may become WebSockets; others that offer some upgrade are answered as if they did not. */
export const isUpgrade = ({ url = '', headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket' && url.split('?')[0] === operation.path;

const refuse = (socket: Duplex, error: unknown, log: Context['log']): void => {
  const { status, headers, body } = errorAnswer(error, log, operation.id);
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body) });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      ...lines.map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
  );
};

/** The way of a request that wants to be a WebSocket: caller and rate limit, as every other; then `accept` has it. */
export const createUpgrade = (
  context: Context,
  options: Omit<HandleOptions, 'checkAnswers'>,
  accept: (opening: OpeningSocket) => void,
): ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) => {
  const log = context.log.child({ part: 'http' });

  const open = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    if (options.draining.isOn) {
      throw new MatrixError('M_UNKNOWN', 'The server is stopping', { status: 503 });
    }
    const authorization = authorizationOf(request);
    const authenticate = async (): Promise<Session> => {
      const session = await authenticateUser(context, operation, authorization, '');
      if (!session) throw new MatrixError('M_MISSING_TOKEN', 'An access token is needed');
      return session;
    };
    const session = await authenticate();
    const { userId, deviceId } = session;
    options.rateLimit?.('ordinary', userId);
    const address = clientAddress(request, options.behindProxy);
    const agent = request.headers['user-agent'];
    context.accounts.lastSeen.note({ userId, deviceId, at: context.now(), address, agent });
    accept({ request, socket, head, session, authenticate });
  };

  return (request, socket, head) => {
    socket.on('error', (err) => log.debug({ err }, 'socket broke before it was open'));
    open(request, socket, head).catch((error) => refuse(socket, error, log));
  };
};
