import { promises as dns, type SrvRecord } from 'node:dns';
import { limits } from '@candor/spec';
import { type SplitServerName, splitServerName } from '../discovery/split-server-name.ts';
import { createExpiringCache } from './expiring-cache.ts';
import type { FetchWellKnown, WellKnownAnswer } from './fetch-well-known.ts';

/** Which step of the resolution gave the answer. */
export type DiscoverySource = 'literal' | 'port' | 'srv' | 'srv-deprecated' | 'default-port';

export type DiscoveredServer = {
  /** Hosts (names or bare IP addresses) with ports, in the order to try; empty when DNS says there is no service. */
  readonly targets: readonly { readonly host: string; readonly port: number }[];
  readonly hostHeader: string;
  /** The name or IP address the certificate must be valid for. */
  readonly tlsName: string;
  readonly source: DiscoverySource;
  /** Whether `/.well-known/matrix/server` delegated to another name. */
  readonly delegated: boolean;
};

/** Rejects with a `TypeError` when the text is not a server name. */
export type DiscoverServer = (serverName: string) => Promise<DiscoveredServer>;

export type DiscoveryOptions = {
  readonly fetchWellKnown: FetchWellKnown;
  readonly now: () => number;
  readonly random: () => number;
  readonly resolveSrv?: (name: string) => Promise<readonly SrvRecord[]>;
};

type WellKnown = { readonly answer: WellKnownAnswer; readonly failures: number };
type Srv = { readonly records: readonly SrvRecord[] };

const defaultPort = 8448;

/** By priority, and at random by weight inside one priority. */
// https://www.rfc-editor.org/rfc/rfc2782
const orderTargets = (records: readonly SrvRecord[], random: () => number) =>
  records
    .filter(({ name }) => name !== '' && name !== '.')
    .map((record) => ({ record, rank: -Math.log(1 - random()) / (record.weight || 1e-3) }))
    .sort((a, b) => a.record.priority - b.record.priority || a.rank - b.rank)
    .map(({ record }) => ({ host: record.name, port: record.port }));

const wellKnownErrorCacheMs = (failures: number): number =>
  Math.min(limits.wellKnownErrorCacheMsMax, limits.wellKnownErrorCacheMsMin * 2 ** (failures - 1));

const createWellKnownCache = (options: DiscoveryOptions) =>
  createExpiringCache<WellKnown>({
    entriesMax: limits.discoveryCacheEntriesMax,
    now: options.now,
    load: async (hostname, previous) => {
      const answer = await options.fetchWellKnown(hostname);
      const failures = answer.found ? 0 : (previous?.failures ?? 0) + 1;
      const cacheMs = answer.found ? answer.cacheMs : wellKnownErrorCacheMs(failures);
      return { value: { answer, failures }, cacheMs };
    },
  });

const createSrvCache = (options: DiscoveryOptions) => {
  const resolveSrv = options.resolveSrv ?? dns.resolveSrv;
  return createExpiringCache<Srv>({
    entriesMax: limits.discoveryCacheEntriesMax,
    now: options.now,
    // A resolver in trouble counts as no record: the certificate still decides who we talk to.
    load: (name) =>
      resolveSrv(name).then(
        (records) => ({ value: { records }, cacheMs: limits.srvCacheMs }),
        () => ({ value: { records: [] }, cacheMs: limits.srvCacheMs }),
      ),
  });
};

/** Resolves server names to where and how to connect, with bounded caches. */
// https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
export const createServerDiscovery = (options: DiscoveryOptions): DiscoverServer => {
  const wellKnownOf = createWellKnownCache(options);
  const srvOf = createSrvCache(options);

  /** Steps 4 to 6, and 3.3 to 3.5 for a delegated name. */
  const byRecords = async (hostname: string, delegated: boolean): Promise<DiscoveredServer> => {
    const answer = { hostHeader: hostname, tlsName: hostname, delegated };
    for (const [service, source] of [
      ['_matrix-fed', 'srv'],
      ['_matrix', 'srv-deprecated'],
    ] as const) {
      const { records } = await srvOf(`${service}._tcp.${hostname}`);
      if (records.length > 0) {
        return { ...answer, targets: orderTargets(records, options.random), source };
      }
    }
    const targets = [{ host: hostname, port: defaultPort }];
    return { ...answer, targets, source: 'default-port' };
  };

  /** Steps 1 and 2, and 3.1 and 3.2 for a delegated name; undefined when neither applies. */
  const byName = (
    serverName: string,
    { host, port, kind }: SplitServerName,
    delegated: boolean,
  ): DiscoveredServer | undefined => {
    if (kind === 'dns' && port === undefined) return undefined;
    const targets = [{ host, port: port ?? defaultPort }];
    const source = kind === 'dns' ? 'port' : 'literal';
    return { targets, hostHeader: serverName, tlsName: host, source, delegated };
  };

  return async (serverName) => {
    const split = splitServerName(serverName);
    if (split === undefined) throw new TypeError(`not a server name: ${serverName}`);
    const named = byName(serverName, split, false);
    if (named !== undefined) return named;
    const { answer } = await wellKnownOf(serverName);
    const delegate = answer.found ? splitServerName(answer.server) : undefined;
    if (!answer.found || delegate === undefined) return byRecords(serverName, false);
    return byName(answer.server, delegate, true) ?? (await byRecords(answer.server, true));
  };
};
