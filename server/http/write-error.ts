import type { IncomingMessage } from 'node:http';
import { limits, MatrixError } from '@candor/spec';
import type { Context as KoaContext } from 'koa';
import type { Logger } from '../log.ts';
import { isDatabaseUnavailable } from '../storage/database-unavailable.ts';
import { DiskFull } from '../storage/free-space.ts';
import { isUnstorableText } from '../storage/unstorable-text.ts';
import { MethodNotAllowed } from './route-table.ts';

const toMatrixError = (error: unknown): MatrixError => {
  if (error instanceof MatrixError) return error;
  if (isUnstorableText(error)) {
    return new MatrixError('M_INVALID_PARAM', 'A NUL character is not allowed here');
  }
  if (error instanceof DiskFull) {
    return new MatrixError('M_UNKNOWN', 'The server has no room on its disk just now', {
      status: 503,
      fields: { retry_after_ms: limits.diskRetryMs },
      cause: error,
    });
  }
  if (isDatabaseUnavailable(error)) {
    return new MatrixError('M_UNKNOWN', 'The server cannot reach its database just now', {
      status: 503,
      fields: { retry_after_ms: limits.databaseRetryMs },
      cause: error,
    });
  }
  return new MatrixError('M_UNKNOWN', 'Internal server error', { cause: error });
};

/** Node reads a small rest of a body away, so that the connection can be used again; a large one is not worth it. */
const isMuchUnread = ({ complete, headers }: IncomingMessage): boolean =>
  !complete &&
  (headers['transfer-encoding'] !== undefined ||
    Number(headers['content-length'] ?? 0) > limits.unreadBodyBytesMax);

export type ErrorAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** What a client is told of an error. What is our fault goes to the log, never to the client. */
// https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
export const errorAnswer = (error: unknown, log: Logger, operationId?: string): ErrorAnswer => {
  const { status, errcode, message, fields, cause } = toMatrixError(error);
  if (status === 503) log.warn({ err: cause, operationId }, 'unavailable');
  else if (status === 500) log.error({ err: cause ?? error, operationId }, 'request failed');
  const retryAfterMs = fields['retry_after_ms'];
  return {
    status,
    headers: {
      // https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
      ...(typeof retryAfterMs === 'number' && {
        'Retry-After': `${Math.ceil(retryAfterMs / 1000)}`,
      }),
      // https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
      ...(error instanceof MethodNotAllowed && { Allow: error.allowed.join(', ') }),
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ errcode, error: message, ...fields }),
  };
};

/**
 * Answers at once and then reads on for a while: a connection that is closed with bytes unread is reset, and the client
 * that still sends never sees why.
 */
// https://www.rfc-editor.org/rfc/rfc9112#section-9.6
const answerUnread = ({ req, res }: KoaContext, { status, headers, body }: ErrorAnswer): void => {
  res.writeHead(status, {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  res.write(body);
  let left = limits.lingeringBytesMax;
  const close = () => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(close, limits.lingeringMsMax);
  req
    .on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) close();
    })
    .on('end', close)
    .on('close', close)
    .resume();
};

/** The only place that writes error answers. */
export const writeError = (
  koa: KoaContext,
  error: unknown,
  log: Logger,
  operationId?: string,
): void => {
  const answer = errorAnswer(error, log, operationId);
  if (koa.headerSent) {
    koa.res.destroy();
    return;
  }
  if (isMuchUnread(koa.req)) {
    koa.respond = false;
    answerUnread(koa, answer);
    return;
  }
  koa.status = answer.status;
  koa.set(answer.headers);
  koa.body = answer.body;
};
