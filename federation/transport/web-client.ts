import { limits } from '@candor/spec';
import { Agent, type Dispatcher } from 'undici';
import { type ConnectorOptions, createConnector } from './address-filter.ts';
import { LimitedBody } from './limited-body.ts';
import { PeerError, toPeerError } from './peer-error.ts';

export type WebRequest = {
  readonly url: string;
  /** GET when left out. */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For everything up to the last byte. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** How many redirects a GET follows; 0 when left out, and then the redirect is the answer. */
  readonly redirectsMax?: number;
  /** Refuses http, also as the target of a redirect. */
  readonly httpsOnly?: true;
  readonly signal?: AbortSignal;
};

export type WebAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  readonly body: LimitedBody;
};

export type WebClient = {
  /** Any status is an answer; throws a `PeerError` when there is none. */
  request(request: WebRequest): Promise<WebAnswer>;
  close(): Promise<void>;
};

export type WebClientOptions = ConnectorOptions & { readonly userAgent?: string };

const readUrl = (text: string, from: URL | undefined, httpsOnly: boolean): URL => {
  const url = URL.parse(text, from?.href);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && !httpsOnly)) return url;
  throw new PeerError('bad-answer', `${from?.host ?? 'the address'}: not a web address to follow`);
};

const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

const withoutAuthorization = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
  );

/**
 * HTTP to servers that are no peers: well-known files, previews, push gateways, hooks.
 * Each connection, so each redirect too, passes the address filter.
 */
export const createWebClient = (options: WebClientOptions): WebClient => {
  const agent = new Agent({
    connect: createConnector(options),
    maxHeaderSize: limits.headersBytesMax,
  });
  const userAgent = options.userAgent ?? 'Candor';

  const requestOnce = (
    url: URL,
    request: WebRequest,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> =>
    agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method ?? 'GET',
      headers: { 'user-agent': userAgent, ...headers },
      body: request.body ?? null,
      headersTimeout: request.timeoutMs,
      bodyTimeout: request.timeoutMs,
      signal,
    });

  const follow = async (request: WebRequest, signal: AbortSignal): Promise<WebAnswer> => {
    const httpsOnly = request.httpsOnly ?? false;
    const redirectsMax = request.method === 'POST' ? 0 : (request.redirectsMax ?? 0);
    let url = readUrl(request.url, undefined, httpsOnly);
    let ownHeaders = request.headers ?? {};
    const seen = new Set<string>();
    for (;;) {
      seen.add(url.href);
      const answer = await requestOnce(url, request, ownHeaders, signal);
      const { statusCode: status, headers } = answer;
      const limited = new LimitedBody(answer.body, request.maxBytes, url.host);
      const location = [headers['location']].flat()[0];
      if (!isRedirect(status) || location === undefined || redirectsMax === 0) {
        return { status, headers, url: url.href, body: limited };
      }
      await limited.discard();
      const next = readUrl(location, url, httpsOnly);
      if (seen.has(next.href)) throw new PeerError('bad-answer', `${url.host}: redirect loop`);
      if (seen.size > redirectsMax)
        throw new PeerError('bad-answer', `${url.host}: many redirects`);
      if (next.origin !== url.origin) ownHeaders = withoutAuthorization(ownHeaders);
      url = next;
    }
  };

  return {
    request: async (request) => {
      const timeout = AbortSignal.timeout(request.timeoutMs);
      const signal =
        request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
      try {
        return await follow(request, signal);
      } catch (error) {
        request.signal?.throwIfAborted();
        // Not the whole address: paths of hooks and gateways are secrets.
        throw toPeerError(error, URL.parse(request.url)?.host ?? 'the address');
      }
    },
    close: () => agent.destroy(),
  };
};
