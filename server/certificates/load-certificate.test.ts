import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, tlsHandshake } from '@candor/federation/testing';
import t from 'tap';
import { certificateWarnings } from './certificate-warnings.ts';
import { readGiven, selfSigned } from './load-certificate.ts';

const folder = await mkdtemp(join(tmpdir(), 'candor-tls-'));
t.teardown(() => rm(folder, { recursive: true }));
const dayMs = 86_400_000;

t.test('a localhost name gets a self-signed certificate that is kept', async (t) => {
  const now = new Date();
  const first = await selfSigned(folder, 'localhost', now);
  t.equal(first.origin, 'self-signed');
  t.equal(await tlsHandshake(first, first.cert, { servername: 'localhost' }), 'believed');
  t.equal(await tlsHandshake(first, first.cert, { host: '::1' }), 'believed');
  t.strictSame(await selfSigned(folder, 'localhost', now), first);
  t.equal((await stat(join(folder, 'tls', 'self-signed.pem'))).mode & 0o777, 0o600);
  t.equal((await stat(join(folder, 'tls'))).mode & 0o777, 0o700);
  t.match(certificateWarnings(['localhost'], first, now), [/self-signed/]);

  const later = await selfSigned(folder, 'localhost', new Date(now.getTime() + 380 * dayMs));
  t.not(later.cert, first.cert, 'made anew before it runs out');
  const renamed = await selfSigned(folder, 'hs1.localhost', now);
  t.not(renamed.cert, later.cert, 'made anew for another name');
  for (const host of ['hs1.localhost', '[::1]'])
    t.match(certificateWarnings([host], renamed, now), [/self-signed/]);
});

t.test('a given certificate is used, and its faults are named', async (t) => {
  const authority = makeAuthority();
  const save = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };
  const { cert, key } = authority.issue(['chat.example']);
  const certFile = await save('cert.pem', cert);
  const keyFile = await save('key.pem', key);
  const tls = await readGiven(certFile, keyFile);
  t.strictSame(tls, { cert: await readFile(certFile, 'utf8'), key, origin: 'files' });
  const warnings = (host: string, now: Date) => certificateWarnings([host], tls, now);
  t.strictSame(warnings('chat.example', new Date()), []);
  t.match(warnings('other.example', new Date()), [/not for other\.example/]);
  const in25Days = new Date(Date.now() + 25 * dayMs);
  t.match(warnings('chat.example', in25Days), [/runs out in 4 days/]);
  t.match(warnings('chat.example', new Date('2100-01-01')), [/ran out on/]);
  t.match(warnings('chat.example', new Date('2000-01-01')), [/not valid before/]);

  await t.rejects(readGiven(join(folder, 'none.pem'), keyFile), /tls\.cert: .*ENOENT/);
  await t.rejects(readGiven(certFile, join(folder, 'none.pem')), /tls\.key: .*ENOENT/);
  await t.rejects(readGiven(keyFile, keyFile), /tls\.cert: .*PEM/);
  await t.rejects(readGiven(certFile, certFile), /tls\.key: .*PEM/);
  const otherKey = await save('other.pem', authority.issue(['chat.example']).key);
  await t.rejects(readGiven(certFile, otherKey), /not the key of the certificate/);
});
