import { lookup } from 'node:dns/promises';
import { openAcmeFiles } from '../certificates/acme/acme-files.ts';
import { withAuthority } from '../certificates/acme/acme-web.ts';
import { isAsSet } from '../certificates/acme/when-to-renew.ts';
import { certificateWarnings } from '../certificates/certificate-warnings.ts';
import { readGiven, type Tls } from '../certificates/load-certificate.ts';
import type { AcmeConfig, Config } from '../config/read-config.ts';
import { type Finding, fault, good, warning } from './finding.ts';

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const judge = (config: Config, tls: Tls, what: string): readonly Finding[] => {
  const warnings = certificateWarnings(config.tls.hosts, tls, new Date());
  return warnings.length > 0
    ? warnings.map((text) => warning(`certificate: ${text}`))
    : [good(`certificate: ${what}`)];
};

const examineDirectory = (acme: AcmeConfig): Promise<Finding> =>
  withAuthority(acme, new AbortController().signal, async (_, { termsOfService }) =>
    good(
      `tls.acme.directory: ${acme.directory} answers; terms of service: ${termsOfService ?? 'none'}`,
    ),
  ).catch((error: unknown) => warning(`tls.acme.directory: ${reason(error)}`));

const examineName = async (host: string): Promise<readonly Finding[]> =>
  lookup(host).then(
    () => [],
    () => [warning(`certificate: ${host} is not found in the DNS, so there will be none for it`)],
  );

const examineAcme = async (config: Config, acme: AcmeConfig): Promise<readonly Finding[]> => {
  const { hosts } = config.tls;
  const files = openAcmeFiles(config.dataDir);
  const kept = await files.certificate();
  const failure = await files.failure();
  const missing = warning('certificate: none yet for these names; it is ordered at the start');
  return [
    ...(kept && isAsSet(kept, acme.directory, hosts)
      ? judge(config, kept.tls, `by ACME, until ${kept.certificate.validTo}`)
      : [missing]),
    ...(failure === undefined
      ? []
      : [
          warning(
            `certificate: the last attempt failed on ${new Date(failure.attemptedAt).toISOString()}: ${failure.reason}; the next is not before ${new Date(failure.retryAt).toISOString()}`,
          ),
        ]),
    ...(await Promise.all(hosts.map(examineName))).flat(),
    await examineDirectory(acme),
  ];
};

/** Whether others will believe the certificate, and whether the authority can be reached. */
export const examineCertificate = async (config: Config): Promise<readonly Finding[]> => {
  const { acme, cert, key } = config.tls;
  try {
    if (acme) return await examineAcme(config, acme);
    if (cert !== undefined && key !== undefined)
      return judge(config, await readGiven(cert, key), cert);
  } catch (error) {
    return [fault(`certificate: ${reason(error)}`)];
  }
  return [
    warning(
      'certificate: none is set, so a self-signed one is made, which others will not believe',
    ),
  ];
};
