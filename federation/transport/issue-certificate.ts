import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { der } from './der.ts';
import { x509 } from './x509.ts';

export type Issuer = { readonly name: string; readonly key: KeyObject };

export type CertificateRequest = {
  /** The common name of the subject. */
  readonly name: string;
  /** DNS names and IP addresses it is valid for. */
  readonly hosts?: readonly string[];
  readonly isAuthority?: boolean;
  /** Who signs; the certificate's own key when absent. */
  readonly issuer?: Issuer;
  readonly from: Date;
  readonly days: number;
};

export type IssuedCertificate = {
  /** PEM. */
  readonly cert: string;
  /** PKCS #8 PEM. */
  readonly key: string;
  readonly privateKey: KeyObject;
};

const dayMs = 86_400_000;

const distinguishedName = (commonName: string): Buffer =>
  der.sequence(der.set(der.sequence(der.objectIdentifier('2.5.4.3'), der.utf8String(commonName))));

const keyIdentifier = (publicKey: KeyObject): Buffer =>
  createHash('sha256').update(x509.subjectPublicKeyInfo(publicKey)).digest().subarray(0, 20);

// https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1
const extensionsOf = (
  { hosts = [], isAuthority = false }: CertificateRequest,
  subjectKey: KeyObject,
  issuerKey: KeyObject,
): Buffer => {
  const basicConstraints = der.sequence(...(isAuthority ? [der.boolean(true)] : []));
  // keyCertSign and cRLSign are bits 5 and 6, digitalSignature is bit 0.
  const keyUsage = isAuthority
    ? der.bitString(Buffer.from([0b0000_0110]), 1)
    : der.bitString(Buffer.from([0b1000_0000]), 7);
  const serverAuth = der.sequence(der.objectIdentifier('1.3.6.1.5.5.7.3.1'));
  return der.sequence(
    x509.extension('2.5.29.19', basicConstraints, true),
    x509.extension('2.5.29.15', keyUsage, true),
    x509.extension('2.5.29.14', der.octetString(keyIdentifier(subjectKey))),
    x509.extension('2.5.29.35', der.sequence(der.implicit(0, keyIdentifier(issuerKey)))),
    ...(isAuthority ? [] : [x509.extension('2.5.29.37', serverAuth)]),
    ...(hosts.length > 0 ? [x509.subjectAlternativeNames(hosts)] : []),
  );
};

const toPem = (bytes: Buffer): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
};

/** An X.509 version 3 certificate (PEM) for `publicKey`. */
// https://www.rfc-editor.org/rfc/rfc5280#section-4.1
export const signCertificate = (
  request: Omit<CertificateRequest, 'issuer'>,
  publicKey: KeyObject,
  issuer: Issuer,
): string => {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const until = new Date(request.from.getTime() + request.days * dayMs);
  const toBeSigned = der.sequence(
    der.tagged(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    x509.ecdsaWithSha256,
    distinguishedName(issuer.name),
    der.sequence(der.time(request.from), der.time(until)),
    distinguishedName(request.name),
    x509.subjectPublicKeyInfo(publicKey),
    der.tagged(3, extensionsOf(request, publicKey, createPublicKey(issuer.key))),
  );
  const signature = sign('sha256', toBeSigned, issuer.key);
  return toPem(der.sequence(toBeSigned, x509.ecdsaWithSha256, der.bitString(signature)));
};

/** Makes a P-256 key and a certificate for it, signed by `issuer` or by itself. */
export const issueCertificate = (request: CertificateRequest): IssuedCertificate => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = request.issuer ?? { name: request.name, key: privateKey };
  return {
    cert: signCertificate(request, publicKey, issuer),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
};
