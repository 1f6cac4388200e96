import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '@candor/federation';
import { OperatorError } from '../../config/operator-error.ts';
import type { Tls } from '../load-certificate.ts';
import { writePrivately } from '../write-privately.ts';
import { type AccountKey, accountKeyFrom } from './account-key.ts';

/** A certificate that an authority gave, and where that authority has its directory. */
export type KeptCertificate = {
  readonly tls: Tls;
  readonly directory: string;
  readonly certificate: X509Certificate;
};

/** The last attempt, when it failed; times are milliseconds since the epoch. */
export type AcmeFailure = {
  /** What was asked of whom: with other settings it says nothing. */
  readonly asked: string;
  readonly failures: number;
  readonly reason: string;
  readonly attemptedAt: number;
  readonly retryAt: number;
  /** Whether the authority named `retryAt`. */
  readonly isAskedFor: boolean;
};

/** What ACME keeps under `tls` in the data directory. */
export type AcmeFiles = {
  /** Undefined when there is none that can be read. */
  readonly certificate: () => Promise<KeptCertificate | undefined>;
  readonly saveCertificate: (kept: Omit<KeptCertificate, 'certificate'>) => Promise<void>;
  /** Made when there is none. */
  readonly accountKey: () => Promise<AccountKey>;
  readonly failure: () => Promise<AcmeFailure | undefined>;
  readonly saveFailure: (failure: AcmeFailure | undefined) => Promise<void>;
};

const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new OperatorError(`${file} cannot be read (${error.code})`, { cause: error });
  });

const block = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n/g;

const readKept = (text: string): KeptCertificate | undefined => {
  const directory = /^Directory: (\S+)$/m.exec(text)?.[1];
  const blocks = [...text.matchAll(block)];
  const of = (kind: string) => blocks.filter(([, name]) => name === kind).map(([pem]) => pem);
  const [cert, key] = [of('CERTIFICATE').join(''), of('PRIVATE KEY').join('')];
  try {
    const certificate = new X509Certificate(cert);
    if (directory === undefined || !certificate.checkPrivateKey(createPrivateKey(key)))
      return undefined;
    return { tls: { cert, key, origin: 'acme' }, directory, certificate };
  } catch {
    return undefined;
  }
};

const readFailure = (text: string): AcmeFailure | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const { asked, failures, reason, attemptedAt, retryAt, isAskedFor } = value;
    if (typeof asked !== 'string' || typeof failures !== 'number') return undefined;
    if (typeof reason !== 'string' || typeof attemptedAt !== 'number') return undefined;
    if (typeof retryAt !== 'number' || typeof isAskedFor !== 'boolean') return undefined;
    return { asked, failures, reason, attemptedAt, retryAt, isAskedFor };
  } catch {
    return undefined;
  }
};

export const openAcmeFiles = (dataDir: string): AcmeFiles => {
  const fileOf = (name: string) => join(dataDir, 'tls', name);
  const [certificate, account, failure] = [
    fileOf('acme.pem'),
    fileOf('acme-account.pem'),
    fileOf('acme-failure.json'),
  ];
  return {
    certificate: async () => readKept((await readIfThere(certificate)) ?? ''),
    saveCertificate: ({ tls, directory }) =>
      writePrivately(certificate, `Directory: ${directory}\n${tls.key}${tls.cert}`),
    accountKey: async () => {
      const kept = await readIfThere(account);
      if (kept !== undefined) return accountKeyFrom(kept);
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      await writePrivately(account, pem);
      return accountKeyFrom(pem);
    },
    failure: async () => readFailure((await readIfThere(failure)) ?? ''),
    saveFailure: (value) =>
      value === undefined
        ? rm(failure, { force: true })
        : writePrivately(failure, `${JSON.stringify(value, undefined, 2)}\n`),
  };
};
