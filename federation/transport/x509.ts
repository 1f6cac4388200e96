import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { der } from './der.ts';

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

const extension = (id: string, content: Buffer, isCritical = false): Buffer =>
  der.sequence(
    der.objectIdentifier(id),
    ...(isCritical ? [der.boolean(true)] : []),
    der.octetString(content),
  );

/** What certificates and requests for certificates are both made of. */
// https://www.rfc-editor.org/rfc/rfc5280#section-4.1
export const x509 = {
  ecdsaWithSha256: der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2')),
  subjectPublicKeyInfo: (publicKey: KeyObject): Buffer =>
    publicKey.export({ type: 'spki', format: 'der' }),
  extension,
  /** DNS names and IP addresses. */
  subjectAlternativeNames: (hosts: readonly string[]): Buffer =>
    extension('2.5.29.17', der.sequence(...hosts.map(alternativeName))),
} as const;
