import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@candor/federation/testing';
import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';
import { presentedCertificate } from './testing/presented-certificate.ts';
import { hasPebble, startPebble } from './testing/start-pebble.ts';

t.setTimeout(300_000);

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await sleep(50);
};

const skip = hasPebble() ? false : 'Pebble is not installed (Debian: apt-get install pebble)';
const externalKeys = { 'kid-1': Buffer.alloc(32, 'secret of the account').toString('base64url') };

for (const kind of ['any account', 'a bound account'] as const)
  t.test(`Pebble, with ${kind}, gives a certificate and renews it`, { skip }, async (t) => {
    const isBound = kind === 'a bound account';
    const pebble = await startPebble(t, {
      folder: t.testdir(),
      freePort,
      lifetimeSeconds: 6,
      ...(isBound && { externalKeys }),
    });
    const port = await freePort();
    const server = await startTestServer(t, {
      env: {
        CANDOR_SERVER_NAME: `chat.example:${port}`,
        CANDOR_FEDERATION_LISTEN: `127.0.0.1:${port}`,
        CANDOR_TLS_CERT: '',
        CANDOR_TLS_KEY: '',
        CANDOR_TLS_ACME_DIRECTORY: pebble.directory,
        CANDOR_TLS_ACME_AGREE_TO_TERMS: 'true',
        CANDOR_TLS_ACME_EMAIL: 'ops@chat.example',
        CANDOR_TLS_ACME_HOSTS: 'www.chat.example,a.chat.example',
        CANDOR_TLS_ACME_HTTP_LISTEN: `127.0.0.1:${pebble.httpPort}`,
        CANDOR_TLS_ACME_CA: pebble.caFile,
        ...(isBound && {
          CANDOR_TLS_ACME_EAB_KEY_ID: 'kid-1',
          CANDOR_TLS_ACME_EAB_HMAC_KEY: externalKeys['kid-1'],
        }),
      },
    });
    const presented = (name: string) => presentedCertificate(port, name, pebble.root);
    // A machine that stands still for seconds may find one that has run out, and then its successor.
    const isBelieved = (name: string) => until(async () => (await presented(name)).isBelieved);
    for (const name of ['chat.example', 'www.chat.example', 'a.chat.example'])
      await isBelieved(name);
    t.notOk((await presented('b.chat.example')).isBelieved);
    t.equal((await server.request('GET', '/ready')).status, 200);
    const { fingerprint256 } = (await presented('chat.example')).certificate;
    await until(async () => {
      server.reload();
      return (await presented('chat.example')).certificate.fingerprint256 !== fingerprint256;
    });
    await isBelieved('chat.example');
    t.notMatch(server.logLines.join(''), /could be had/);
    const kept = await readFile(join(server.dataDir, 'tls', 'acme.pem'), 'utf8');
    t.match(kept, new RegExp(`^Directory: ${pebble.directory}\n`));
  });
