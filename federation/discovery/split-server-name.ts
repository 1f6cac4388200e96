import { isServerName } from '@candor/spec';

export type SplitServerName = {
  /** Without the brackets of an IPv6 literal. */
  readonly host: string;
  readonly port?: number;
  readonly kind: 'ipv4' | 'ipv6' | 'dns';
};

const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/;
const dottedQuad = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** Takes a server name apart; undefined when it is none or its port is out of range. */
// https://spec.matrix.org/v1.19/appendices/#server-name
export const splitServerName = (name: string): SplitServerName | undefined => {
  const match = isServerName(name) ? parts.exec(name) : null;
  const host = match?.[1] ?? match?.[2];
  if (!match || host === undefined) return undefined;
  const kind = match[1] !== undefined ? 'ipv6' : dottedQuad.test(host) ? 'ipv4' : 'dns';
  if (kind === 'ipv4' && host.split('.').some((part) => Number(part) > 255)) return undefined;
  if (match[3] === undefined) return { host, kind };
  const port = Number(match[3]);
  return port >= 1 && port <= 65_535 ? { host, port, kind } : undefined;
};
