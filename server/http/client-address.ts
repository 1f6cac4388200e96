import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

const mappedPrefix = '::ffff:';

const withoutMapping = (address: string): string =>
  address.startsWith(mappedPrefix) && address.includes('.')
    ? address.slice(mappedPrefix.length)
    : address;

/**
 * Where a request came from. `X-Forwarded-For` counts only behind a proxy that the operator has declared, and of
 * it only the last entry: that one the proxy wrote itself.
 */
export const clientAddress = (incoming: IncomingMessage, behindProxy: boolean): string => {
  const peer = withoutMapping(incoming.socket.remoteAddress ?? '');
  if (!behindProxy) return peer;
  const header = incoming.headers['x-forwarded-for'];
  const last = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .at(-1)
    ?.trim();
  return last && isIP(last) ? withoutMapping(last) : peer;
};
