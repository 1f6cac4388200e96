import { readFile } from 'node:fs/promises';
import type { AcmeConfig } from '../../config/read-config.ts';
import type { Logger } from '../../log.ts';
import type { Wait } from '../pauses.ts';
import type { AcmeFiles } from './acme-files.ts';
import { openAcmeSession } from './acme-session.ts';
import { openAcmeWeb, readDirectory } from './acme-web.ts';
import { type IssuedCertificate, orderCertificate } from './order-certificate.ts';

export type ObtainOptions = {
  readonly acme: AcmeConfig;
  readonly hosts: readonly string[];
  readonly files: Pick<AcmeFiles, 'accountKey'>;
  /** Key authorizations by token, for the listener of challenges. */
  readonly answers: Map<string, string>;
  readonly log: Logger;
  readonly now: () => number;
  readonly wait: Wait;
};

/** One attempt, from the directory to a certificate that was checked; throws when there is none. */
export const obtainCertificate = async (
  { acme, hosts, files, answers, log, now, wait }: ObtainOptions,
  signal: AbortSignal,
): Promise<IssuedCertificate> => {
  const { email, externalAccount, caFile } = acme;
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
  const web = openAcmeWeb({ ca, signal });
  try {
    const directory = await readDirectory(web, acme.directory);
    log.info(
      { directory: acme.directory, hosts, terms: directory.termsOfService },
      'a certificate is ordered',
    );
    const key = await files.accountKey();
    const session = await openAcmeSession({ web, directory, key, email, externalAccount, now });
    return await orderCertificate({ session, hosts, answers, now, wait, signal });
  } finally {
    await web.close();
  }
};
