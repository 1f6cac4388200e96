import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { issueCertificate } from '@candor/federation/transport';
import { hostOf } from './loopback.ts';
import { OperatorError } from './operator-error.ts';
import type { Config } from './read-config.ts';

export type Tls = {
  /** PEM, the server's own certificate first. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly selfSigned: boolean;
};

const dayMs = 86_400_000;
const selfSignedDays = 397;
const renewDaysBefore = 30;

const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

const isFor = (certificate: X509Certificate, host: string): boolean =>
  (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;

const readPem = (name: string, file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new OperatorError(`${name}: ${file} cannot be read (${cause.code})`, { cause });
  });

const parse = <T>(name: string, file: string, read: () => T): T => {
  try {
    return read();
  } catch (cause) {
    throw new OperatorError(`${name}: ${file} is not in the PEM form it should be in`, { cause });
  }
};

const readGiven = async (certFile: string, keyFile: string): Promise<Tls> => {
  const cert = await readPem('tls.cert', certFile);
  const key = await readPem('tls.key', keyFile);
  const certificate = parse('tls.cert', certFile, () => new X509Certificate(cert));
  const privateKey = parse('tls.key', keyFile, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new OperatorError(`tls.key: ${keyFile} is not the key of the certificate ${certFile}`);
  return { cert, key, selfSigned: false };
};

/** Kept under `tls` in the data directory, made anew when it runs out or the server has another name. */
const selfSigned = async (dataDir: string, host: string, now: Date): Promise<Tls> => {
  const folder = join(dataDir, 'tls');
  const file = join(folder, 'self-signed.pem');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    const certificate = parse(file, file, () => new X509Certificate(kept));
    const renewMs = certificate.validToDate.getTime() - renewDaysBefore * dayMs;
    if (now.getTime() < renewMs && isFor(certificate, host))
      return { cert: kept, key: kept, selfSigned: true };
  }
  const hosts = [...new Set([host, 'localhost', '127.0.0.1', '::1'])];
  const { cert, key } = issueCertificate({ name: host, hosts, from: now, days: selfSignedDays });
  await writeFile(`${file}.new`, key + cert, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return { cert: key + cert, key: key + cert, selfSigned: true };
};

/** The certificate of the HTTPS listener; self-signed when `tls.cert` is not set, which settings allow for localhost names only. */
export const loadTls = (config: Config, now: Date = new Date()): Promise<Tls> => {
  const { cert, key } = config.tls;
  return cert !== undefined && key !== undefined
    ? readGiven(cert, key)
    : selfSigned(config.dataDir, bare(hostOf(config.serverName)), now);
};

/** What other servers and clients will find fault with, in sentences for the operator. */
export const tlsWarnings = (
  serverName: string,
  { cert, selfSigned }: Tls,
  now: Date = new Date(),
): readonly string[] => {
  const certificate = new X509Certificate(cert);
  const host = bare(hostOf(serverName));
  const daysLeft = Math.floor((certificate.validToDate.getTime() - now.getTime()) / dayMs);
  return [
    selfSigned && 'the certificate is self-signed: other servers and clients will not believe it',
    daysLeft < 0 && `the certificate ran out on ${certificate.validTo}`,
    daysLeft >= 0 && daysLeft < 14 && `the certificate runs out in ${daysLeft} days`,
    certificate.validFromDate > now &&
      `the certificate is not valid before ${certificate.validFrom}`,
    !isFor(certificate, host) &&
      `the certificate is not for ${host}, which is right only when ${host} delegates to another host`,
  ].filter((warning) => warning !== false);
};
