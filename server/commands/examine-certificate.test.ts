import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openAcmeFiles } from '../certificates/acme/acme-files.ts';
import { startScriptedAuthority } from '../certificates/testing/scripted-authority.ts';
import { readConfig } from '../config/read-config.ts';
import { examineCertificate } from './examine-certificate.ts';

t.test('doctor tells how it stands with ACME', async (t) => {
  const authority = await startScriptedAuthority(t);
  const dataDir = t.testdir({ 'ca.pem': authority.authority.cert });
  const examine = async (env: Record<string, string> = {}) => {
    const settings = readConfig({
      env: {
        CANDOR_SERVER_NAME: 'chat.example',
        CANDOR_DATA_DIR: dataDir,
        CANDOR_TLS_ACME_DIRECTORY: authority.url,
        CANDOR_TLS_ACME_AGREE_TO_TERMS: 'true',
        CANDOR_TLS_ACME_CA: join(dataDir, 'ca.pem'),
        ...env,
      },
    });
    if (!settings.ok) throw new Error(settings.faults.join('\n'));
    const findings = await examineCertificate(settings.config);
    return findings.map(({ level, text }) => `${level} ${text}`);
  };
  const directory = `good tls.acme.directory: ${authority.url} answers; terms of service: https://localhost`;
  const unknown = 'warning certificate: chat.example is not found in the DNS';
  const first = await examine();
  t.match(first, ['warning certificate: none yet for these names', unknown, directory]);
  t.equal(authority.asked.length, 0, 'nothing is ordered');

  const files = openAcmeFiles(dataDir);
  const { cert, key } = authority.authority.issue(['chat.example']);
  const tls = { cert, key, origin: 'acme' } as const;
  const certificate = new X509Certificate(cert);
  await files.saveCertificate({ tls, directory: authority.url });
  await files.saveFailure({
    asked: 'x',
    failures: 2,
    reason: 'the order is invalid: dns, no such name',
    attemptedAt: 0,
    retryAt: 86_400_000,
    isAskedFor: false,
  });
  t.match(await examine(), [
    `good certificate: by ACME, until ${certificate.validTo}`,
    /^warning .* failed on 1970-01-01T.*: the order is invalid: dns, .*not before 1970-01-02T/,
    unknown,
    directory,
  ]);
  t.match(await examine({ CANDOR_TLS_ACME_HOSTS: 'www.chat.example' }), [
    /none yet for these names/,
  ]);

  await authority.stop();
  t.match((await examine()).at(-1), /^warning tls\.acme\.directory: .*ECONNREFUSED/);
  await writeFile(join(dataDir, 'ca.pem'), '');
  t.match((await examine()).at(-1), /^warning tls\.acme\.directory: /);
});
