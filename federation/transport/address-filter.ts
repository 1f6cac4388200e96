import { promises as dns, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { limits } from '@candor/spec';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';

/** Turns a host name into addresses; the default asks the system's resolver. */
export type ResolveAddresses = (hostname: string) => Promise<readonly LookupAddress[]>;

export type ConnectorOptions = {
  /** Lets every address pass: for tests, the demo and closed networks. */
  readonly allowPrivateAddresses?: boolean;
  readonly resolve?: ResolveAddresses;
  /** Certificate authorities in PEM instead of the system's. */
  readonly ca?: string | readonly string[];
  readonly connectTimeoutMs?: number;
};

// Everything routed on the public Internet lies in here; ipaddr.js calls the unassigned rest "unicast" too.
// https://www.iana.org/assignments/ipv6-address-space
const globalUnicast = ipaddr.IPv6.parse('2000::');

/**
 * Why an outbound connection to this address is refused: the name of its special range, such as
 * `private`, `loopback` or `rfc6052`; undefined for a public unicast address.
 */
export const refusedRange = (address: string): string | undefined => {
  if (!ipaddr.isValid(address)) return 'invalid';
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range !== 'unicast') return range;
  return parsed instanceof ipaddr.IPv6 && !parsed.match(globalUnicast, 3) ? 'reserved' : undefined;
};

/** The host has no address that we may connect to. */
export class RefusedAddressError extends Error {
  constructor(hostname: string, range: string) {
    super(`${hostname} leads to an address of the range ${range}`);
    this.name = 'RefusedAddressError';
  }
}

const systemResolve: ResolveAddresses = (hostname) => dns.lookup(hostname, { all: true });

const firstRefused = (addresses: readonly LookupAddress[]): string =>
  addresses.map(({ address }) => refusedRange(address)).find((range) => range !== undefined) ??
  'empty';

/** A socket connects only to what this hands on, so a name that changes its answer gains nothing. */
const guardedLookup =
  (resolve: ResolveAddresses, allowPrivateAddresses: boolean): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname).then(
      (found) => {
        const passed = allowPrivateAddresses
          ? found
          : found.filter(({ address }) => refusedRange(address) === undefined);
        const first = passed[0];
        if (first === undefined) {
          callback(new RefusedAddressError(hostname, firstRefused(found)), '', 0);
        } else if (options.all) callback(null, [...passed]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };

/**
 * The `connect` hook of an undici Agent or Pool: checks addresses after resolution, at the moment
 * of connecting, on each connection and so on each redirect. TLS 1.2 or newer.
 */
export const createConnector = (options: ConnectorOptions): buildConnector.connector => {
  const allowPrivateAddresses = options.allowPrivateAddresses ?? false;
  const connect = buildConnector({
    lookup: guardedLookup(options.resolve ?? systemResolve, allowPrivateAddresses),
    minVersion: 'TLSv1.2',
    timeout: options.connectTimeoutMs ?? limits.peerConnectTimeoutMs,
    ...(options.ca === undefined ? {} : { ca: [options.ca].flat() }),
  });
  return (target, callback) => {
    const hostname = target.hostname.replace(/^\[(.*)\]$/, '$1');
    // A literal is never looked up, so the lookup cannot judge it.
    const range =
      isIP(hostname) === 0 || allowPrivateAddresses ? undefined : refusedRange(hostname);
    if (range !== undefined) callback(new RefusedAddressError(hostname, range), null);
    else connect({ ...target, hostname }, callback);
  };
};
