import { isIP } from 'node:net';
import { limits } from '@candor/spec';
import { hostOf, isLoopbackHost } from './loopback.ts';
import type { Values } from './read-config.ts';
import { certificateHosts } from './where-reached.ts';

const belongToAcme = [
  'tls.acme.email',
  'tls.acme.hosts',
  'tls.acme.ca_file',
  'tls.acme.eab_key_id',
  'tls.acme.eab_hmac_key',
] as const;

/** Names that lead nowhere, or elsewhere, for an authority that asks from outside. */
const isBeyondAuthorities = (host: string): boolean =>
  isLoopbackHost(host) || isIP(host.replace(/^\[|\]$/g, '')) !== 0;

const checkAcme = (values: Partial<Values>): readonly string[] => {
  const faults: string[] = [];
  const faulty = (key: string, text: string) => faults.push(`${key}: ${text}`);
  const ends = [values['tls.acme.eab_key_id'], values['tls.acme.eab_hmac_key']];
  if (values['tls.acme.directory'] === undefined) {
    for (const key of belongToAcme)
      if (values[key] !== undefined)
        faulty(key, 'has no use without tls.acme.directory; allowed: both or neither');
    return faults;
  }
  if (values['tls.cert'] ?? values['tls.key'])
    faulty(
      'tls.acme.directory, tls.cert, tls.key',
      'the certificate comes from ACME or from files; allowed: one of them',
    );
  if (values['tls.acme.agree_to_terms'] === false)
    faulty(
      'tls.acme.agree_to_terms',
      "is false; allowed with tls.acme.directory: true, when you agree to the authority's terms of service",
    );
  if ((ends[0] === undefined) !== (ends[1] === undefined))
    faulty(
      `tls.acme.eab_${ends[0] === undefined ? 'key_id' : 'hmac_key'}`,
      'is missing; allowed: tls.acme.eab_key_id and tls.acme.eab_hmac_key together',
    );
  const listen = values['client.listen'];
  const challenges = values['tls.acme.http_listen'];
  const taken = [listen?.port, values['federation.listen']?.port];
  if (challenges && challenges.port !== 0 && taken.includes(challenges.port))
    faulty(
      'tls.acme.http_listen',
      `has the port of another listener (${challenges.port}); allowed: another port, and a rule that leads port 80 to it`,
    );
  if (values.server_name === undefined || listen === undefined) return faults;
  if (values['client.behind_proxy'] === undefined) return faults;
  // What `certificateHosts` looks at was read.
  const hosts = certificateHosts(values as Values);
  if (hosts.length > limits.certificateHostsMax)
    faulty('tls.acme.hosts', `too many; allowed: ${limits.certificateHostsMax} names in all`);
  for (const host of hosts)
    if (isBeyondAuthorities(host))
      faulty(
        'tls.acme.directory',
        `no authority gives a certificate for ${host}; allowed: host names of yours in server_name or federation.delegate_to, client.public_url and tls.acme.hosts`,
      );
  return faults;
};

/** Combinations that would be unsafe or could not work; each only when its parts were read. */
export const checkTogether = (values: Partial<Values>): readonly string[] => {
  const faults: string[] = [];
  const listen = values['client.listen'];
  const federation = values['federation.listen'];
  const name = values.server_name;
  const cert = values['tls.cert'];
  const key = values['tls.key'];
  const directory = values['tls.acme.directory'];
  if (listen && federation && listen.port !== 0 && listen.port === federation.port)
    faults.push(
      `federation.listen: has the port of client.listen (${listen.port}); allowed: another port`,
    );
  if ((cert === undefined) !== (key === undefined))
    faults.push(
      `tls.${cert === undefined ? 'cert' : 'key'}: is missing; allowed: tls.cert and tls.key together`,
    );
  if (name !== undefined && !isLoopbackHost(hostOf(name)) && !cert && !key && !directory)
    faults.push(
      `tls.cert, tls.key: are required for the server name ${name}, or tls.acme.directory; only localhost names get a self-signed certificate`,
    );
  faults.push(...checkAcme(values));
  if (values['database.url'] !== undefined && values['database.bin_dir'] !== undefined)
    faults.push('database.bin_dir: has no use beside database.url; allowed: one of them');
  return faults;
};
