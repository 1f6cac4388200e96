import type { KeyObject } from 'node:crypto';
import { issueCertificate, signCertificate } from '../issue-certificate.ts';

export type CertificateAuthority = {
  /** The authority's own certificate (PEM), for `federation.ca_file` and `ca` of a TLS client. */
  readonly cert: string;
  /** A certificate and its key (PEM) for DNS names and IP addresses. */
  readonly issue: (hosts: readonly string[]) => { readonly cert: string; readonly key: string };
  /** A certificate (PEM) for a key of someone else. */
  readonly certify: (
    hosts: readonly string[],
    publicKey: KeyObject,
    validity: { readonly from: Date; readonly days: number },
  ) => string;
};

const days = 30;

/** A certificate authority for tests, the demo and conformance; what it issues is valid from an hour ago. */
export const makeAuthority = (name = 'Candor test authority'): CertificateAuthority => {
  const from = new Date(Date.now() - 3_600_000);
  const authority = issueCertificate({ name, isAuthority: true, from, days });
  const issuer = { name, key: authority.privateKey };
  return {
    cert: authority.cert,
    issue: (hosts) => {
      const { cert, key } = issueCertificate({ name: hosts[0] ?? name, hosts, issuer, from, days });
      return { cert, key };
    },
    certify: (hosts, publicKey, validity) =>
      signCertificate({ name: hosts[0] ?? name, hosts, ...validity }, publicKey, issuer),
  };
};
