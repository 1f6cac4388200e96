import { hostOf, isLoopbackHost } from './loopback.ts';
import type { Values } from './read-config.ts';

type Parts = Pick<
  Values,
  | 'server_name'
  | 'client.listen'
  | 'client.behind_proxy'
  | 'client.public_url'
  | 'federation.delegate_to'
  | 'tls.acme.hosts'
>;

/** The host where other servers reach this one. */
const peersHost = (values: Parts): string =>
  hostOf(values['federation.delegate_to'] ?? values.server_name);

/** Whether the listener for clients ends TLS itself: on loopback and behind a proxy it does not. */
export const isClientTls = (values: Parts): boolean =>
  !values['client.behind_proxy'] && !isLoopbackHost(values['client.listen'].host);

/** The base URL for clients, as it is set or as it follows from the rest. */
export const publicUrlOf = (values: Parts): string => {
  const { host, port } = values['client.listen'];
  if (values['client.public_url'] !== undefined) return values['client.public_url'];
  if (values['client.behind_proxy']) return `https://${hostOf(values.server_name)}`;
  if (isClientTls(values)) return `https://${peersHost(values)}${port === 443 ? '' : `:${port}`}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
};

/**
 * The names that a certificate of ours has to be for. With `federation.delegate_to` that of `server_name` is not
 * among them: it leads to another machine, and other servers then look for the name they were sent to.
 */
// https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
export const certificateHosts = (values: Parts): readonly string[] => {
  const clients = isClientTls(values) ? [new URL(publicUrlOf(values)).hostname] : [];
  const all = [peersHost(values), ...clients, ...(values['tls.acme.hosts'] ?? [])];
  return [...new Set(all.map((host) => host.toLowerCase()))];
};
