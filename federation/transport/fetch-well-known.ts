import { limits } from '@candor/spec';
import { splitServerName } from '../discovery/split-server-name.ts';
import { isObject } from '../json/is-object.ts';
import { createWebClient, type WebClientOptions } from './web-client.ts';

export type WellKnownAnswer =
  | { readonly found: true; readonly server: string; readonly cacheMs: number }
  | { readonly found: false; readonly reason: string };

/** Asks a host for `/.well-known/matrix/server`; never rejects. */
export type FetchWellKnown = (hostname: string) => Promise<WellKnownAnswer>;

export type WellKnownOptions = WebClientOptions & {
  readonly now: () => number;
  readonly timeoutMs?: number;
  /** The port asked first, 443 unless a test says otherwise. */
  readonly port?: number;
};

type Headers = Readonly<Record<string, string | string[] | undefined>>;

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

/** Follows redirects over HTTPS only, none twice and few at all; each hop passes the address filter. */
export const createWellKnownFetcher = (options: WellKnownOptions): FetchWellKnown => {
  const web = createWebClient(options);
  const ask = async (hostname: string): Promise<WellKnownAnswer> => {
    const { status, headers, body } = await web.request({
      url: `https://${hostname}:${options.port ?? 443}/.well-known/matrix/server`,
      headers: { accept: 'application/json' },
      timeoutMs: options.timeoutMs ?? limits.wellKnownTimeoutMs,
      maxBytes: limits.wellKnownBytesMax,
      redirectsMax: limits.wellKnownRedirectsMax,
      httpsOnly: true,
    });
    if (status !== 200) {
      await body.discard();
      return { found: false, reason: `status ${status}` };
    }
    const server = readServer(await body.json());
    if (server === undefined) return { found: false, reason: 'no valid m.server' };
    return { found: true, server, cacheMs: cacheMsOf(headers, options.now()) };
  };
  return (hostname) =>
    ask(hostname).catch((error: unknown) => ({
      found: false,
      reason: error instanceof Error ? error.message : String(error),
    }));
};
