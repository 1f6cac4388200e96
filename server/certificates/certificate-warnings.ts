import { X509Certificate } from 'node:crypto';
import { isCertificateFor } from './is-certificate-for.ts';
import type { Tls } from './load-certificate.ts';

const dayMs = 86_400_000;
const warnDaysBefore = 14;

const originWarnings: Readonly<Record<Tls['origin'], string | undefined>> = {
  files: undefined,
  acme: undefined,
  'self-signed': 'the certificate is self-signed: other servers and clients will not believe it',
  'stand-in':
    'the certificate is a self-signed stand-in, which nobody believes, until the authority gives one',
};

/** Days until the certificate runs out, less than 0 when it has; whole ones. */
const daysLeft = (certificate: X509Certificate, now: Date): number =>
  Math.floor((certificate.validToDate.getTime() - now.getTime()) / dayMs);

/** What other servers and clients, who look for these names, will find fault with, in sentences for the operator. */
export const certificateWarnings = (
  hosts: readonly string[],
  { cert, origin }: Tls,
  now: Date,
): readonly string[] => {
  const certificate = new X509Certificate(cert);
  const days = daysLeft(certificate, now);
  // One that lives a few days only is renewed when a third of them is left.
  const lifetimeMs = certificate.validToDate.getTime() - certificate.validFromDate.getTime();
  const warnDays = Math.min(warnDaysBefore, Math.floor(lifetimeMs / dayMs / 4));
  return [
    originWarnings[origin],
    days < 0 ? `the certificate ran out on ${certificate.validTo}` : undefined,
    days >= 0 && days < warnDays ? `the certificate runs out in ${days} days` : undefined,
    certificate.validFromDate > now
      ? `the certificate is not valid before ${certificate.validFrom}`
      : undefined,
    ...hosts
      .filter((host) => !isCertificateFor(certificate, host))
      .map(
        (host) =>
          `the certificate is not for ${host}, which is right only when ${host} delegates to another host`,
      ),
  ].filter((warning) => warning !== undefined);
};
