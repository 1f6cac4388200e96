import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** Without the brackets that an IPv6 address has in names of servers. */
export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** Whether clients that look for this name or address would take the certificate. */
export const isCertificateFor = (certificate: X509Certificate, host: string): boolean => {
  const bare = bareHost(host);
  const found = isIP(bare) === 0 ? certificate.checkHost(bare) : certificate.checkIP(bare);
  return found !== undefined;
};
