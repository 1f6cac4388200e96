import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { issueCertificate } from './issue-certificate.ts';
import { makeAuthority } from './testing/certificate-authority.ts';
import { tlsHandshake } from './testing/tls-handshake.ts';

t.test('an authority issues certificates that clients believe for their names only', async (t) => {
  const authority = makeAuthority();
  const tls = authority.issue(['hs1.example', 'localhost', '127.0.0.1', '::1']);
  t.equal(await tlsHandshake(tls, authority.cert, { servername: 'hs1.example' }), 'believed');
  t.equal(await tlsHandshake(tls, authority.cert, { host: '127.0.0.1' }), 'believed');
  t.equal(await tlsHandshake(tls, authority.cert, { host: '::1' }), 'believed');
  const wrongName = await tlsHandshake(tls, authority.cert, { servername: 'hs2.example' });
  t.equal(wrongName, 'ERR_TLS_CERT_ALTNAME_INVALID');
  const stranger = makeAuthority().cert;
  t.match(await tlsHandshake(tls, stranger, { servername: 'hs1.example' }), /^(UNABLE|CERT|SELF)/);
});

t.test('a certificate says what it is for', async (t) => {
  const from = new Date('2049-12-01T00:00:00Z');
  const hosts = ['a.example', '10.1.2.3', '2001:db8::7'];
  const issued = issueCertificate({ name: 'a.example', hosts, from, days: 90 });
  const certificate = new X509Certificate(issued.cert);
  t.equal(certificate.ca, false);
  t.equal(certificate.subject, 'CN=a.example');
  t.equal(
    certificate.subjectAltName,
    'DNS:a.example, IP Address:10.1.2.3, IP Address:2001:DB8:0:0:0:0:0:7',
  );
  t.equal(certificate.validFromDate.toISOString(), '2049-12-01T00:00:00.000Z');
  t.equal(certificate.validToDate.toISOString(), '2050-03-01T00:00:00.000Z');
  t.ok(certificate.verify(certificate.publicKey));
  t.ok(certificate.checkPrivateKey(issued.privateKey));
  const authority = issueCertificate({ name: 'ca', isAuthority: true, from, days: 1 });
  t.equal(new X509Certificate(authority.cert).ca, true);
});
