import { limits } from '@candor/spec';
import type { Dispatcher } from 'undici';
import type { JsonObject } from '../events/room-event.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { signRequest } from '../requests/x-matrix.ts';
import type { ConnectorOptions } from './address-filter.ts';
import type { DiscoverServer } from './discover-server.ts';
import { LimitedBody } from './limited-body.ts';
import { PeerError, toPeerError } from './peer-error.ts';
import { createPeerPools } from './peer-pools.ts';
import { createServerGate, type ServerGateOptions } from './server-gate.ts';
import type { TransportLog } from './transport-log.ts';

export type PeerRequest = {
  /** The server name, before discovery. */
  readonly destination: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** From `/_matrix` on, already percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly content?: JsonObject;
  /** For everything from discovery to the last byte; `limits.peerRequestTimeoutMs` when left out. */
  readonly timeoutMs?: number;
  /** `limits.peerResponseBytesMax` when left out. */
  readonly maxBytes?: number;
  /** Send once more when a kept connection turns out dead; all but POST when left out. */
  readonly retryable?: boolean;
  /** The key endpoints are asked without a signature. */
  readonly unsigned?: true;
  readonly signal?: AbortSignal;
};

export type PeerAnswer = { readonly status: number; readonly body: unknown };

export type PeerStream = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: LimitedBody;
};

export type PeerClient = {
  /** A JSON answer with a 2xx status; anything else is thrown as a `PeerError`. */
  request(request: PeerRequest): Promise<PeerAnswer>;
  /** The same for answers that are large or not JSON. */
  stream(request: PeerRequest): Promise<PeerStream>;
  /** Breaks off all open connections. */
  close(): Promise<void>;
};

export type PeerClientOptions = ConnectorOptions &
  ServerGateOptions & {
    readonly serverName: string;
    readonly signingKey: () => SigningKey;
    readonly discover: DiscoverServer;
    readonly log?: TransportLog;
    readonly userAgent?: string;
  };

type Answer = Dispatcher.ResponseData;

const uriOf = ({ path, query = {} }: PeerRequest): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of value === undefined ? [] : [value].flat()) search.append(name, String(one));
  }
  return search.size === 0 ? path : `${path}?${search}`;
};

const headersOf = (
  { method, destination, content, unsigned }: PeerRequest,
  uri: string,
  { serverName: origin, signingKey, userAgent }: PeerClientOptions,
): Record<string, string> => {
  const body = content === undefined ? {} : { content };
  const signable = { method, uri, origin, destination, ...body };
  return {
    'user-agent': userAgent ?? 'Candor',
    ...(content === undefined ? {} : { 'content-type': 'application/json' }),
    ...(unsigned ? {} : { authorization: signRequest(signable, signingKey()) }),
  };
};

const retryAfterMsOf = (header: unknown, body: object): number | undefined => {
  // https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
  if (typeof header === 'string' && /^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const inBody = 'retry_after_ms' in body ? body.retry_after_ms : undefined;
  return typeof inBody === 'number' && inBody >= 0 ? inBody : undefined;
};

const readStatusError = async (answer: Answer, destination: string): Promise<PeerError> => {
  const limited = new LimitedBody(answer.body, limits.peerErrorBytesMax, destination);
  const parsed = await limited.json().catch(() => undefined);
  const body = typeof parsed === 'object' && parsed !== null ? parsed : {};
  const errcode =
    'errcode' in body && typeof body.errcode === 'string' ? { errcode: body.errcode } : {};
  const roomVersion =
    'room_version' in body && typeof body.room_version === 'string'
      ? { roomVersion: body.room_version }
      : {};
  const retryAfterMs = retryAfterMsOf(answer.headers['retry-after'], body);
  return new PeerError('status', `${destination}: status ${answer.statusCode}`, {
    status: answer.statusCode,
    ...errcode,
    ...roomVersion,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
};

const limit = (body: Answer['body'], request: PeerRequest): LimitedBody =>
  new LimitedBody(body, request.maxBytes ?? limits.peerResponseBytesMax, request.destination);

const timeoutMsOf = (request: PeerRequest): number =>
  request.timeoutMs ?? limits.peerRequestTimeoutMs;

/** Ends with the time allowed, or when the caller breaks off. */
const signalOf = (request: PeerRequest): AbortSignal => {
  const timeout = AbortSignal.timeout(timeoutMsOf(request));
  return request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
};

/** A connection that the other side closed while it lay idle fails on its next use, before anything was read. */
const isBrokenConnection = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(String(error.code));

/** Signed HTTPS requests to other homeservers, over kept connections, never following redirects. */
export const createPeerClient = (options: PeerClientOptions): PeerClient => {
  const pools = createPeerPools(options);
  const isAllowed = createServerGate(options);

  const send = async (
    request: PeerRequest,
    uri: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const server = await options.discover(request.destination);
    signal.throwIfAborted();
    const timeoutMs = timeoutMsOf(request);
    return pools.poolFor(server).request({
      method: request.method,
      path: uri,
      headers: { ...headers, host: server.hostHeader },
      body: request.content === undefined ? null : JSON.stringify(request.content),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal,
    });
  };

  const answerOf = async (request: PeerRequest): Promise<Answer> => {
    const { destination } = request;
    if (!isAllowed(destination)) throw new PeerError('denied', `${destination}: not allowed here`);
    const uri = uriOf(request);
    const headers = headersOf(request, uri, options);
    const signal = signalOf(request);
    const again = request.retryable ?? request.method !== 'POST';
    try {
      const answer = await send(request, uri, headers, signal).catch((error: unknown) => {
        if (again && isBrokenConnection(error)) return send(request, uri, headers, signal);
        throw error;
      });
      if (answer.statusCode < 200 || answer.statusCode > 299) {
        throw await readStatusError(answer, destination);
      }
      return answer;
    } catch (error) {
      request.signal?.throwIfAborted();
      const failure = toPeerError(error, destination);
      const { kind, status } = failure;
      options.log?.debug({ destination, path: request.path, kind, status }, failure.message);
      throw failure;
    }
  };

  return {
    request: async (request) => {
      const { statusCode, body } = await answerOf(request);
      try {
        return { status: statusCode, body: await limit(body, request).json() };
      } catch (error) {
        request.signal?.throwIfAborted();
        throw error;
      }
    },
    stream: async (request) => {
      const { statusCode, headers, body } = await answerOf(request);
      return { status: statusCode, headers, body: limit(body, request) };
    },
    close: pools.close,
  };
};
