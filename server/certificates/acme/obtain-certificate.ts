import type { AcmeConfig } from '../../config/read-config.ts';
import type { Logger } from '../../log.ts';
import type { Wait } from '../pauses.ts';
import type { AcmeFiles } from './acme-files.ts';
import { openAcmeSession } from './acme-session.ts';
import { withAuthority } from './acme-web.ts';
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
export const obtainCertificate = (
  { acme, hosts, files, answers, log, now, wait }: ObtainOptions,
  signal: AbortSignal,
): Promise<IssuedCertificate> =>
  withAuthority(acme, signal, async (web, directory) => {
    const { email, externalAccount } = acme;
    const terms = directory.termsOfService;
    log.info({ directory: acme.directory, hosts, terms }, 'a certificate is ordered');
    const key = await files.accountKey();
    const session = await openAcmeSession({ web, directory, key, email, externalAccount, now });
    return orderCertificate({ session, hosts, answers, now, wait, signal });
  });
