import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export type IssuedCertificate = { readonly cert: string; readonly key: string };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const makeKeys = () =>
  crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);

const validity = () => ({
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 86_400_000),
});

/** A certificate authority that lives as long as the test; PEM throughout. */
export const createTestAuthority = async () => {
  const keys = await makeKeys();
  const name = 'CN=Transport test authority';
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    serialNumber: '01',
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  let serial = 1;
  return {
    ca: authority.toString('pem'),
    /** A certificate for host names and IP addresses. */
    issue: async (hosts: readonly string[]): Promise<IssuedCertificate> => {
      serial += 1;
      const own = await makeKeys();
      const certificate = await X509CertificateGenerator.create({
        ...validity(),
        serialNumber: serial.toString(16).padStart(2, '0'),
        subject: `CN=${hosts[0]}`,
        issuer: name,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new SubjectAlternativeNameExtension(
            hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
          ),
        ],
      });
      const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', own.privateKey));
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      return {
        cert: certificate.toString('pem'),
        key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
      };
    },
  };
};
