import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { makeAuthority } from '@candor/federation/testing';
import t from 'tap';
import { readConfig } from './read-config.ts';
import { loadTls, tlsWarnings } from './tls.ts';

const folder = await mkdtemp(join(tmpdir(), 'candor-tls-'));
t.teardown(() => rm(folder, { recursive: true }));

const configOf = (env: Record<string, string>) => {
  const result = readConfig({ env: { CANDOR_DATA_DIR: folder, ...env } });
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return result.config;
};

/** What a TLS client that believes `ca` says to a server with this certificate. */
const handshake = async (
  tls: { cert: string; key: string },
  ca: string,
  name: { host?: string; servername?: string },
): Promise<string> => {
  const server = createServer(tls, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  server.listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: name.host ?? '127.0.0.1', ca, ...name });
  try {
    await once(socket, 'secureConnect');
    return 'believed';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
    server.close();
  }
};

t.test('a localhost name gets a self-signed certificate that is kept', async (t) => {
  const config = configOf({});
  const first = await loadTls(config);
  t.ok(first.selfSigned);
  t.equal(await handshake(first, first.cert, { servername: 'localhost' }), 'believed');
  t.equal(await handshake(first, first.cert, { host: '::1' }), 'believed');
  t.strictSame(await loadTls(config), first);
  t.equal((await stat(join(folder, 'tls', 'self-signed.pem'))).mode & 0o777, 0o600);
  t.match(tlsWarnings('localhost:8448', first), [/self-signed/]);

  const later = await loadTls(config, new Date(Date.now() + 380 * 86_400_000));
  t.not(later.cert, first.cert, 'made anew before it runs out');
  const renamed = await loadTls(configOf({ CANDOR_SERVER_NAME: 'hs1.localhost' }));
  t.not(renamed.cert, later.cert, 'made anew for another name');
  t.match(tlsWarnings('hs1.localhost', renamed), [/self-signed/]);
  t.match(tlsWarnings('[::1]:8448', renamed), [/self-signed/]);
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
  const load = (certPath: string, keyPath: string) =>
    loadTls(
      configOf({
        CANDOR_SERVER_NAME: 'chat.example',
        CANDOR_TLS_CERT: certPath,
        CANDOR_TLS_KEY: keyPath,
      }),
    );
  const tls = await load(certFile, keyFile);
  t.strictSame(tls, { cert: await readFile(certFile, 'utf8'), key, selfSigned: false });
  t.strictSame(tlsWarnings('chat.example', tls), []);
  t.match(tlsWarnings('other.example', tls), [/not for other\.example/]);
  const in20Days = new Date(Date.now() + 20 * 86_400_000);
  t.match(tlsWarnings('chat.example', tls, in20Days), [/runs out in 9 days/]);
  t.match(tlsWarnings('chat.example', tls, new Date('2100-01-01')), [/ran out on/]);
  t.match(tlsWarnings('chat.example', tls, new Date('2000-01-01')), [/not valid before/]);

  await t.rejects(load(join(folder, 'none.pem'), keyFile), /tls\.cert: .*ENOENT/);
  await t.rejects(load(certFile, join(folder, 'none.pem')), /tls\.key: .*ENOENT/);
  await t.rejects(load(keyFile, keyFile), /tls\.cert: .*PEM/);
  await t.rejects(load(certFile, certFile), /tls\.key: .*PEM/);
  const otherKey = await save('other.pem', authority.issue(['chat.example']).key);
  await t.rejects(load(certFile, otherKey), /not the key of the certificate/);
});
