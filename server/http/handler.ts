import type { Readable } from 'node:stream';
import type { BodyOf, Operation, ParamsOf, QueryOf, ResponseOf } from '@candor/spec';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';
import type { Answer } from './answer.ts';

type CallerOf<O extends Operation> = O['auth'] extends 'accessToken'
  ? Session
  : O['auth'] extends 'accessTokenOptional'
    ? Session | undefined
    : undefined;

/** What a handler is given: checked against the operation's schemas, its caller authenticated. */
export type Request<O extends Operation> = {
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  /** The JSON body, or for `'bytes'` the raw stream, capped at the operation's `bodyBytesMax`. */
  readonly body: BodyOf<O, Readable>;
  /** The session whose access token came along. */
  readonly caller: CallerOf<O>;
  /** The server that signed the request, for `auth: 'signedRequest'`. */
  readonly origin: O['auth'] extends 'signedRequest' ? string : undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The client's address; from `X-Forwarded-For` only behind a declared proxy. */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** Aborted when the client goes away, and when the server drains: a long poll then answers at once. */
  readonly signal: AbortSignal;
};

/**
 * One operation: `export const getDevice: Handler<typeof clientServer.getDevice> = async (context, request) => …`
 * in a file named by the operation's id, listed in its folder's `index.ts`. It returns the 200 answer as an object,
 * or an `Answer` when it has bytes, a stream, another status or JSON that is serialised already;
 * it refuses with `throw new MatrixError(…)`. Anything else it throws is a 500 and a line in the log.
 */
export type Handler<O extends Operation> = (
  context: Context,
  request: Request<O>,
) => Promise<ResponseOf<O, Answer> | Answer>;
