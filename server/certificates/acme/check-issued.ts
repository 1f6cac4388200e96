import { type KeyObject, X509Certificate } from 'node:crypto';
import { isCertificateFor } from '../is-certificate-for.ts';

export type Issued =
  | { readonly ok: true; readonly cert: string; readonly certificate: X509Certificate }
  | { readonly ok: false; readonly reason: string };

const refuse = (reason: string): Issued => ({ ok: false, reason });

/** What an authority gave us, as a chain of certificates (PEM) and nothing else; or why it is not what was asked for. */
export const checkIssued = (
  text: string,
  key: KeyObject,
  hosts: readonly string[],
  now: number,
): Issued => {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  let certificates: X509Certificate[];
  try {
    certificates = blocks.map((block) => new X509Certificate(block));
  } catch {
    return refuse('it cannot be read');
  }
  const [certificate] = certificates;
  if (certificate === undefined) return refuse('there is no certificate in it');
  if (!certificate.checkPrivateKey(key)) return refuse('it is for another key');
  const missing = hosts.find((host) => !isCertificateFor(certificate, host));
  if (missing !== undefined) return refuse(`it is not for ${missing}`);
  if (certificate.validToDate.getTime() <= now)
    return refuse(`it ran out on ${certificate.validTo}`);
  return { ok: true, cert: `${blocks.join('\n')}\n`, certificate };
};
