import { limits } from '@candor/spec';
import { Agent } from 'undici';
import { splitServerName } from '../discovery/split-server-name.ts';
import { isObject } from '../json/is-object.ts';
import { type ConnectorOptions, createConnector } from './address-filter.ts';
import { readJsonAnswer } from './read-answer.ts';

export type WellKnownAnswer =
  | { readonly found: true; readonly server: string; readonly cacheMs: number }
  | { readonly found: false; readonly reason: string };

/** Asks a host for `/.well-known/matrix/server`; never rejects. */
export type FetchWellKnown = (hostname: string) => Promise<WellKnownAnswer>;

export type WellKnownOptions = ConnectorOptions & {
  readonly now: () => number;
  readonly timeoutMs?: number;
  /** The port asked first, 443 unless a test says otherwise. */
  readonly port?: number;
  readonly userAgent?: string;
};

type Headers = Readonly<Record<string, string | string[] | undefined>>;
type Hop = { readonly location: URL } | WellKnownAnswer;

const one = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? '';

/** How long the answer may be kept, from its own headers, within our bounds. */
// https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
const cacheMsOf = (headers: Headers, now: number): number => {
  const control = one(headers['cache-control']).toLowerCase();
  const maxAge = /(?:^|[\s,])max-age="?(\d+)/.exec(control)?.[1];
  const expires = Date.parse(one(headers['expires']));
  let ms: number = limits.wellKnownCacheMsDefault;
  if (/no-store|no-cache/.test(control)) ms = 0;
  else if (maxAge !== undefined) ms = Number(maxAge) * 1_000;
  else if (!Number.isNaN(expires)) ms = expires - now;
  return Math.min(Math.max(ms, limits.wellKnownCacheMsMin), limits.wellKnownCacheMsMax);
};

const readServer = (body: unknown): string | undefined => {
  const server = isObject(body) ? body['m.server'] : undefined;
  return typeof server === 'string' && splitServerName(server) !== undefined ? server : undefined;
};

const requestHop = async (
  agent: Agent,
  url: URL,
  signal: AbortSignal,
  options: WellKnownOptions,
): Promise<Hop> => {
  const { statusCode, headers, body } = await agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'GET',
    headers: { 'user-agent': options.userAgent ?? 'Candor', accept: 'application/json' },
    reset: true,
    signal,
  });
  if (statusCode >= 300 && statusCode < 400) {
    await body.dump({ limit: limits.wellKnownBytesMax });
    return { location: new URL(one(headers['location']), url) };
  }
  if (statusCode !== 200) {
    await body.dump({ limit: limits.wellKnownBytesMax });
    return { found: false, reason: `status ${statusCode}` };
  }
  const server = readServer(await readJsonAnswer(body, limits.wellKnownBytesMax, url.host));
  if (server === undefined) return { found: false, reason: 'no valid m.server' };
  return { found: true, server, cacheMs: cacheMsOf(headers, options.now()) };
};

/** Follows redirects over HTTPS only, none twice and few at all; each hop passes the address filter. */
export const createWellKnownFetcher = (options: WellKnownOptions): FetchWellKnown => {
  const agent = new Agent({ connect: createConnector(options) });
  const follow = async (hostname: string): Promise<WellKnownAnswer> => {
    const signal = AbortSignal.timeout(options.timeoutMs ?? limits.wellKnownTimeoutMs);
    let url = new URL(`https://${hostname}:${options.port ?? 443}/.well-known/matrix/server`);
    const seen = new Set<string>();
    while (seen.size <= limits.wellKnownRedirectsMax) {
      seen.add(url.href);
      const hop = await requestHop(agent, url, signal, options);
      if (!('location' in hop)) return hop;
      if (hop.location.protocol !== 'https:') return { found: false, reason: 'redirect to http' };
      if (seen.has(hop.location.href)) return { found: false, reason: 'redirect loop' };
      url = hop.location;
    }
    return { found: false, reason: 'too many redirects' };
  };
  return (hostname) =>
    follow(hostname).catch((error: unknown) => ({
      found: false,
      reason: error instanceof Error ? error.message : String(error),
    }));
};
