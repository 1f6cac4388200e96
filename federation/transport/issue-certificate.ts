import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';
import { der } from './der.ts';

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
const ecdsaWithSha256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'));

const distinguishedName = (commonName: string): Buffer =>
  der.sequence(der.set(der.sequence(der.objectIdentifier('2.5.4.3'), der.utf8String(commonName))));

const addressBytes = (address: string): Buffer => {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes every form of an IPv6 address in hexadecimal groups with at most one gap.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const gap = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return Buffer.from(
    [...left, ...gap, ...right].map((hex) => hex.padStart(4, '0')).join(''),
    'hex',
  );
};

const alternativeName = (host: string): Buffer =>
  isIP(host) === 0 ? der.implicit(2, Buffer.from(host)) : der.implicit(7, addressBytes(host));

const subjectPublicKeyInfo = (publicKey: KeyObject): Buffer =>
  publicKey.export({ type: 'spki', format: 'der' });

const keyIdentifier = (publicKey: KeyObject): Buffer =>
  createHash('sha256').update(subjectPublicKeyInfo(publicKey)).digest().subarray(0, 20);

const extension = (id: string, content: Buffer, isCritical = false): Buffer =>
  der.sequence(
    der.objectIdentifier(id),
    ...(isCritical ? [der.boolean(true)] : []),
    der.octetString(content),
  );

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
    extension('2.5.29.19', basicConstraints, true),
    extension('2.5.29.15', keyUsage, true),
    extension('2.5.29.14', der.octetString(keyIdentifier(subjectKey))),
    extension('2.5.29.35', der.sequence(der.implicit(0, keyIdentifier(issuerKey)))),
    ...(isAuthority ? [] : [extension('2.5.29.37', serverAuth)]),
    ...(hosts.length > 0
      ? [extension('2.5.29.17', der.sequence(...hosts.map(alternativeName)))]
      : []),
  );
};

const toPem = (bytes: Buffer): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
};

/** Makes a P-256 key and an X.509 version 3 certificate for it, signed by `issuer` or by itself. */
// https://www.rfc-editor.org/rfc/rfc5280#section-4.1
export const issueCertificate = (request: CertificateRequest): IssuedCertificate => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = request.issuer ?? { name: request.name, key: privateKey };
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const until = new Date(request.from.getTime() + request.days * dayMs);
  const toBeSigned = der.sequence(
    der.tagged(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    der.sequence(der.time(request.from), der.time(until)),
    distinguishedName(request.name),
    subjectPublicKeyInfo(publicKey),
    der.tagged(3, extensionsOf(request, publicKey, createPublicKey(issuer.key))),
  );
  const signature = sign('sha256', toBeSigned, issuer.key);
  return {
    cert: toPem(der.sequence(toBeSigned, ecdsaWithSha256, der.bitString(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
};
