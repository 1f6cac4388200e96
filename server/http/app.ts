import type { RequestListener } from 'node:http';
import { limits } from '@candor/spec';
import Koa, { type Context as KoaContext } from 'koa';
import type { Context } from '../context.ts';
import { metrics } from '../metrics.ts';
import { type HandleOptions, handleOperation } from './handle-operation.ts';
import type { RouteTable } from './route-table.ts';
import { writeError } from './write-error.ts';

export type AppOptions = HandleOptions & {
  readonly routes: RouteTable;
  /** Where clients come by TLS, ended here or by a proxy, browsers are told never to try without. */
  readonly isTls: boolean;
};

const secondsPerYear = 31_536_000;

// https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients
const crossOriginHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'X-Requested-With, Content-Type, Authorization',
  'Access-Control-Expose-Headers': 'Retry-After',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // Nothing this server answers is a page that may run scripts; handlers that serve media or pages say so themselves.
  'Content-Security-Policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
} as const;

const transportHeaders = {
  'Strict-Transport-Security': `max-age=${2 * secondsPerYear}`,
} as const;

const splitUrl = (url: string): { path: string; query: string } => {
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: '' }
    : { path: url.slice(0, mark), query: url.slice(mark + 1) };
};

/** The listener for all HTTP requests of one port. */
export const createApp = (context: Context, options: AppOptions): RequestListener => {
  const { routes, draining } = options;
  const log = context.log.child({ part: 'http' });
  const headers = { ...crossOriginHeaders, ...(options.isTls && transportHeaders) };

  const answer = async (koa: KoaContext): Promise<void> => {
    const start = performance.now();
    koa.set(headers);
    if (koa.method === 'OPTIONS') {
      koa.status = 204;
      return;
    }
    const { path, query } = splitUrl(koa.req.url ?? '');
    let operationId: string | undefined;
    try {
      const match = routes.find(koa.method, path);
      operationId = match.route.operation.id;
      await handleOperation(context, koa, match, query, options);
    } catch (error) {
      writeError(koa, error, log, operationId);
    }
    if (draining.isOn && !koa.headerSent) koa.set('Connection', 'close');
    const durationMs = performance.now() - start;
    metrics.requestSeconds.observe(
      { operation: operationId ?? 'unrecognized', status: koa.status },
      durationMs / 1000,
    );
    // Only where no operation names the request: its path says what a client wanted, its query may hold secrets.
    const asked = { method: koa.method, path: path.slice(0, limits.loggedPathLengthMax) };
    const name = operationId === undefined ? asked : { operationId };
    log.debug({ ...name, status: koa.status, durationMs }, 'answered');
  };

  const koa = new Koa();
  koa.use(answer);
  // What breaks after the answer began: mostly clients that went away in the middle of it.
  koa.on('error', (error: Error, { res }: KoaContext) => {
    log.debug({ err: error }, 'answer broke off');
    res.destroy();
  });
  return koa.callback();
};
