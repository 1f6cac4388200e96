import { limits } from '@candor/spec';
import { isCertificateFor } from '../is-certificate-for.ts';
import type { KeptCertificate } from './acme-files.ts';

/** At least a third of its lifetime is left then, a tenth more at random so that servers do not come all at once. */
export const renewAt = (
  { validFromDate, validToDate }: KeptCertificate['certificate'],
  random: number,
): number => {
  const lifetimeMs = validToDate.getTime() - validFromDate.getTime();
  return validToDate.getTime() - (lifetimeMs / 3) * (1 + random / 10);
};

/**
 * After a success an authority is left alone for a while, also by a certificate that was old when it came and by
 * one that it wishes renewed again and again.
 */
export const restAfter = (
  obtainedAt: number | undefined,
  validTo: number,
): { readonly oldAt: number; readonly wishedAt: number } =>
  obtainedAt === undefined
    ? { oldAt: 0, wishedAt: 0 }
    : {
        oldAt: obtainedAt + Math.max((validTo - obtainedAt) / 2, limits.acmeRetryMsMin),
        wishedAt: obtainedAt + limits.renewalInfoMsMax,
      };

/** Whether the certificate is what the settings ask for, whatever its age. */
export const isAsSet = (
  kept: KeptCertificate,
  directory: string,
  hosts: readonly string[],
): boolean =>
  kept.directory === directory && hosts.every((host) => isCertificateFor(kept.certificate, host));
