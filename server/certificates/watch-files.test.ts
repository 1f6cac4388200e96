import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority } from '@candor/federation/testing';
import { limits } from '@candor/spec';
import t from 'tap';
import { readConfig } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { openCertificates } from './open-certificates.ts';
import { createHeldClock } from './testing/held-clock.ts';

t.test('changed files are found without a signal, faulty ones told of once', async (t) => {
  const authority = makeAuthority();
  const folder = t.testdir();
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const write = async ({ cert, key }: { cert: string; key: string }) => {
    await writeFile(certFile, cert);
    await writeFile(keyFile, key);
  };
  const [first, second] = [authority.issue(['chat.example']), authority.issue(['chat.example'])];
  await write(first);
  const settings = readConfig({
    env: {
      CANDOR_SERVER_NAME: 'chat.example',
      CANDOR_DATA_DIR: folder,
      CANDOR_TLS_CERT: certFile,
      CANDOR_TLS_KEY: keyFile,
    },
  });
  if (!settings.ok) throw new Error(settings.faults.join('\n'));
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => lines.push(line) } });
  const clock = createHeldClock(Date.now());
  const { now, wait } = clock;
  const certificates = await openCertificates({ config: settings.config, log, now, wait });
  const shown: string[] = [];
  certificates.onChange(({ cert }) => shown.push(cert));
  certificates.start();
  t.equal(await clock.pause(), limits.certificateLookMs);
  const look = async () => {
    await clock.advance(limits.certificateLookMs);
    await clock.pause();
  };

  await look();
  t.strictSame([shown, lines], [[], []], 'nothing has changed');
  await writeFile(certFile, second.cert);
  await look();
  await look();
  t.strictSame(shown, []);
  t.match(lines, [/is not the key of the certificate/]);
  t.equal(lines.length, 1);
  await writeFile(keyFile, second.key);
  await look();
  t.strictSame(shown, [second.cert]);
  t.equal(certificates.current().key, second.key);
  await write({ cert: '', key: '' });
  await look();
  t.equal(certificates.current().key, second.key, 'the last good one is shown on');
  await write(first);
  certificates.reload();
  await clock.pause();
  t.strictSame(shown, [second.cert, first.cert]);
  await certificates.stop();
});
