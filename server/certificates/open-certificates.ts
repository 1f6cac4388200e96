import { X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { hostOf } from '../config/loopback.ts';
import type { Address } from '../config/parse-value.ts';
import { readCaFile } from '../config/read-ca-file.ts';
import type { Config } from '../config/read-config.ts';
import type { Logger } from '../log.ts';
import { metrics } from '../metrics.ts';
import { openAcmeFiles } from './acme/acme-files.ts';
import { CertificateRenewal } from './acme/certificate-renewal.ts';
import { createHttpChallenges } from './acme/http-challenges.ts';
import { certificateWarnings } from './certificate-warnings.ts';
import { readGiven, selfSigned, standIn, type Tls } from './load-certificate.ts';
import { Pauses, type Wait, waitByClock } from './pauses.ts';
import { watchFiles } from './watch-files.ts';

/** The certificate that listeners show, kept fresh while the server runs. */
export type Certificates = {
  readonly current: () => Tls;
  /** Calls back with each later one. */
  readonly onChange: (call: (tls: Tls) => void) => void;
  /** What has to be listened to before `start`, so that an authority can look. */
  readonly challenges: (Address & { readonly app: RequestListener }) | undefined;
  readonly start: () => void;
  /** Looks at once whether there is something new: changed files, an authority that answers again. */
  readonly reload: () => void;
  readonly stop: () => Promise<void>;
};

export type CertificatesOptions = {
  readonly config: Config;
  readonly log: Logger;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly wait?: Wait;
};

/** What a source of certificates does once listeners are open, until the pauses end. */
type Source = {
  readonly first: Tls;
  readonly challenges?: Certificates['challenges'];
  readonly run: (show: (tls: Tls) => void) => Promise<void>;
  readonly hurry?: () => void;
};

type Parts = Required<CertificatesOptions> & { readonly pauses: Pauses };

const byAcme = async (acme: NonNullable<Config['tls']['acme']>, parts: Parts): Promise<Source> => {
  const { config, now } = parts;
  // What is wrong with it now stops the start; later it is a failure like another.
  await readCaFile('tls.acme.ca_file', acme.caFile);
  const files = openAcmeFiles(config.dataDir);
  const kept = await files.certificate();
  const failure = await files.failure();
  const { answers, listener } = createHttpChallenges(config.client.publicUrl);
  const { hosts } = config.tls;
  const renewal = new CertificateRenewal({ ...parts, acme, hosts, files, kept, failure, answers });
  return {
    first: kept?.tls ?? standIn(hosts, new Date(now())),
    challenges: { ...acme.httpListen, app: listener },
    run: (show) => renewal.run(show),
    hurry: () => renewal.hurry(),
  };
};

const openSource = async (parts: Parts): Promise<Source> => {
  const { config, log, now, pauses } = parts;
  const { acme, cert: certFile, key: keyFile } = config.tls;
  if (acme) return byAcme(acme, parts);
  if (certFile !== undefined && keyFile !== undefined) {
    const first = await readGiven(certFile, keyFile);
    const run: Source['run'] = (show) =>
      watchFiles({ certFile, keyFile, tls: first, show, log, pauses });
    return { first, run };
  }
  const host = hostOf(config.serverName);
  return { first: await selfSigned(config.dataDir, host, new Date(now())), run: async () => {} };
};

/** The certificate of the settings: from an authority, from files, or for localhost names a self-signed one. */
export const openCertificates = async (options: CertificatesOptions): Promise<Certificates> => {
  const { config, log, now = Date.now, random = Math.random, wait = waitByClock } = options;
  const pauses = new Pauses(wait);
  const source = await openSource({ config, log, now, random, wait, pauses });
  const calls: ((tls: Tls) => void)[] = [];
  let current = source.first;
  let ended: Promise<void> = Promise.resolve();

  const look = (): void => {
    const expiry = new X509Certificate(current.cert).validToDate.getTime();
    metrics.certificateExpiry.set(expiry / 1_000);
    for (const warning of certificateWarnings(config.tls.hosts, current, new Date(now())))
      log.warn(warning);
  };
  const show = (tls: Tls): void => {
    for (const call of calls) call(tls);
    current = tls;
    const { subjectAltName, validTo } = new X509Certificate(tls.cert);
    log.info({ names: subjectAltName, validTo }, 'a new certificate is shown');
    look();
  };
  look();
  return {
    current: () => current,
    onChange: (call) => calls.push(call),
    challenges: source.challenges,
    start: () => {
      ended = source.run(show);
    },
    reload: () => {
      source.hurry?.();
      pauses.cut();
    },
    stop: async () => {
      pauses.end();
      await ended;
    },
  };
};
