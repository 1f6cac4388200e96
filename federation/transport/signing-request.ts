import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { der } from './der.ts';
import { x509 } from './x509.ts';

/** Asks an authority for a certificate (PKCS #10, DER) for these names and a P-256 key. */
// https://www.rfc-editor.org/rfc/rfc2986#section-4
export const createSigningRequest = (hosts: readonly string[], privateKey: KeyObject): Buffer => {
  // The names are in the extension; the subject may stay empty.
  const subject = der.sequence();
  const extensionRequest = der.sequence(
    der.objectIdentifier('1.2.840.113549.1.9.14'),
    der.set(der.sequence(x509.subjectAlternativeNames(hosts))),
  );
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    subject,
    x509.subjectPublicKeyInfo(createPublicKey(privateKey)),
    der.tagged(0, extensionRequest),
  );
  const signature = der.bitString(sign('sha256', info, privateKey));
  return der.sequence(info, x509.ecdsaWithSha256, signature);
};
