import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueCertificate } from '@candor/federation/transport';
import { OperatorError } from '../config/operator-error.ts';
import { bareHost, isCertificateFor } from './is-certificate-for.ts';
import { writePrivately } from './write-privately.ts';

export type Tls = {
  /** PEM, the server's own certificate first. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** A stand-in is shown while the first one of an authority is on its way. */
  readonly origin: 'files' | 'acme' | 'self-signed' | 'stand-in';
};

const dayMs = 86_400_000;
const selfSignedDays = 397;
const renewDaysBefore = 30;

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

/** The certificate and key of the settings; throws an `OperatorError` when they cannot be used. */
export const readGiven = async (certFile: string, keyFile: string): Promise<Tls> => {
  const cert = await readPem('tls.cert', certFile);
  const key = await readPem('tls.key', keyFile);
  const certificate = parse('tls.cert', certFile, () => new X509Certificate(cert));
  const privateKey = parse('tls.key', keyFile, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new OperatorError(`tls.key: ${keyFile} is not the key of the certificate ${certFile}`);
  return { cert, key, origin: 'files' };
};

const issueSelfSigned = (names: readonly string[], from: Date): { cert: string; key: string } => {
  const hosts = [...new Set([...names.map(bareHost), 'localhost', '127.0.0.1', '::1'])];
  return issueCertificate({ name: hosts[0] ?? 'localhost', hosts, from, days: selfSignedDays });
};

/** Kept under `tls` in the data directory, made anew when it runs out or the server has another name. */
export const selfSigned = async (dataDir: string, host: string, now: Date): Promise<Tls> => {
  const file = join(dataDir, 'tls', 'self-signed.pem');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    const certificate = parse(file, file, () => new X509Certificate(kept));
    const renewMs = certificate.validToDate.getTime() - renewDaysBefore * dayMs;
    if (now.getTime() < renewMs && isCertificateFor(certificate, host))
      return { cert: kept, key: kept, origin: 'self-signed' };
  }
  const { cert, key } = issueSelfSigned([host], now);
  await writePrivately(file, key + cert);
  return { cert: key + cert, key: key + cert, origin: 'self-signed' };
};

/** Lets listeners open before there is a certificate that anyone believes; kept nowhere. */
export const standIn = (hosts: readonly string[], now: Date): Tls => {
  const { cert, key } = issueSelfSigned(hosts, now);
  return { cert, key, origin: 'stand-in' };
};
