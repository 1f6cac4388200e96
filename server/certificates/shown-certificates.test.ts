import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { freePort } from '@candor/federation/testing';
import t from 'tap';
import { WebSocket } from 'ws';
import { startTestServer } from '../testing/start-server.ts';
import { startServerProcess } from '../testing/start-server-process.ts';
import { presentedCertificate } from './testing/presented-certificate.ts';
import { startScriptedAuthority } from './testing/scripted-authority.ts';

const dayMs = 86_400_000;

const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await sleep(20);
};

/** One GET by TLS, and whether it was the first on its connection. */
const get = (agent: Agent, url: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number; hsts: string; isReused: boolean; body: string }>(
    (resolve, reject) => {
      const sent = httpsRequest(url, { agent, headers }, async (answer) => {
        const chunks: Buffer[] = [];
        for await (const chunk of answer) chunks.push(chunk);
        resolve({
          status: answer.statusCode ?? 0,
          hsts: String(answer.headers['strict-transport-security']),
          isReused: sent.reusedSocket,
          body: Buffer.concat(chunks).toString(),
        });
      });
      sent.on('error', reject).end();
    },
  );

t.test(
  'a server gets its certificate from an authority, and renews it while it runs',
  async (t) => {
    const authority = await startScriptedAuthority(t);
    const { script } = authority;
    const [httpPort, federationPort] = [await freePort(), await freePort()];
    script.challengePort = httpPort;
    let held: (() => void) | undefined;
    const hold = () =>
      script.instead.set('directory', (_, goOn) => {
        held = goOn;
      });
    hold();
    const ca = authority.authority.cert;
    const caFile = join(t.testdir({ 'ca.pem': ca }), 'ca.pem');
    const server = await startTestServer(t, {
      env: {
        CANDOR_SERVER_NAME: 'chat.example',
        CANDOR_PUBLIC_URL: 'https://chat.example/base',
        CANDOR_FEDERATION_LISTEN: `127.0.0.1:${federationPort}`,
        CANDOR_TLS_CERT: '',
        CANDOR_TLS_KEY: '',
        CANDOR_TLS_ACME_DIRECTORY: authority.url,
        CANDOR_TLS_ACME_AGREE_TO_TERMS: 'true',
        CANDOR_TLS_ACME_HTTP_LISTEN: `127.0.0.1:${httpPort}`,
        CANDOR_TLS_ACME_CA: caFile,
      },
    });
    const presented = () => presentedCertificate(federationPort, 'chat.example', ca);
    const expiry = async () => {
      const { body } = await server.request('GET', '/metrics');
      return Number(/^candor_certificate_expiry_timestamp_seconds (\S+)$/m.exec(String(body))?.[1]);
    };

    t.match(await server.request('GET', '/ready'), {
      status: 503,
      body: { status: 'unavailable', reason: 'certificate' },
    });
    t.equal((await server.request('GET', '/health')).status, 200);
    t.equal((await presented()).isBelieved, false, 'a stand-in');
    t.match(server.logLines.join(''), /stand-in, which nobody believes/);

    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    t.teardown(async () => agent.destroy());
    const versions = `https://127.0.0.1:${federationPort}/_matrix/federation/v1/version`;
    t.equal((await get(agent, versions)).status, 200);

    // 21 seconds long, of which 13 are over: a third is left in a second. The renewal waits until this one was looked at.
    script.certify = (hosts, key) => {
      script.certify = (hosts, key) =>
        authority.authority.certify(hosts, key, { from: new Date(), days: 90 });
      hold();
      const from = new Date(Date.now() - 13_000);
      return authority.authority.certify(hosts, key, { from, days: 21_000 / dayMs });
    };
    await until(() => held !== undefined);
    const goOn = () => {
      script.instead.clear();
      held?.();
      held = undefined;
    };
    goOn();
    await until(async () => (await presented()).isBelieved);
    const first = (await presented()).certificate;
    t.match(await server.request('GET', '/ready'), { status: 200, body: { status: 'ok' } });
    t.equal(await expiry(), Date.parse(first.valid_to) / 1_000);

    goOn();
    await until(async () => {
      server.reload();
      return (await presented()).certificate.fingerprint256 !== first.fingerprint256;
    });
    const second = await presented();
    t.ok(second.isBelieved);
    t.ok(Date.parse(second.certificate.valid_to) > Date.now() + 80 * dayMs);
    t.equal(await expiry(), Date.parse(second.certificate.valid_to) / 1_000);
    const later = await get(agent, versions);
    t.match(later, { status: 200, isReused: true }, 'an open connection is not disturbed');
    t.match(server.logLines.join(''), /a new certificate is shown/);
    t.notMatch(server.logLines.join(''), /PRIVATE KEY/);

    await t.test('port 80 answers challenges, sends people on and refuses the rest', async (t) => {
      const send = async (method: string, path: string) => {
        const url = `http://127.0.0.1:${httpPort}${path}`;
        const { status, headers } = await fetch(url, { method, redirect: 'manual' });
        return `${status} ${headers.get('location') ?? ''}`;
      };
      t.equal(await send('GET', '/'), '301 https://chat.example/base/');
      t.equal(
        await send('GET', '//evil.example/x?y'),
        '301 https://chat.example/base//evil.example/x?y',
      );
      for (const [method, path] of [
        ['GET', '/_matrix/client/versions'],
        ['POST', '/_matrix/client/v3/login'],
        ['POST', '/'],
        ['GET', '/.well-known/acme-challenge/token-0-0'],
        ['GET', '/.well-known/acme-challenge/'],
        ['GET', '/.well-known/acme-challenge/__proto__'],
        ['GET', '/.well-known/matrix/client'],
      ] as const)
        t.equal(await send(method, path), '404 ', `${method} ${path}`);
    });
  },
);

t.test(
  'clients off loopback come by TLS, and changed files are shown without a restart',
  async (t) => {
    const [clientPort, federationPort] = [await freePort(), await freePort()];
    const server = await startTestServer(t, {
      env: {
        CANDOR_SERVER_NAME: 'localhost',
        CANDOR_CLIENT_LISTEN: `0.0.0.0:${clientPort}`,
        CANDOR_FEDERATION_LISTEN: `127.0.0.1:${federationPort}`,
      },
    });
    const { authority, dataDir } = server;
    const ca = authority.cert;
    t.equal(server.url, `https://localhost:${clientPort}`);
    t.equal(server.context.config.client.publicUrl, server.url);
    const agent = new Agent({ keepAlive: true, ca });
    t.teardown(async () => agent.destroy());
    const url = `https://localhost:${clientPort}`;
    t.match(await get(agent, `${url}/_matrix/client/versions`), {
      status: 200,
      hsts: /max-age=63/,
    });
    t.match((await get(agent, `${url}/.well-known/matrix/client`)).body, url);
    await t.rejects(fetch(`http://127.0.0.1:${clientPort}/_matrix/client/versions`));

    const alice = await server.register('alice');
    const headers = { Authorization: `Bearer ${alice.accessToken}` };
    t.match(await get(agent, `${url}/_matrix/client/v3/account/whoami`, headers), { status: 200 });
    const path = '/_matrix/client/unstable/dev.candor.ws/sync';
    const socket = new WebSocket(`wss://localhost:${clientPort}${path}`, { headers, ca });
    const frames: string[] = [];
    socket.on('message', (data) => frames.push(String(data)));
    await once(socket, 'open');
    socket.send('{}');
    await until(() => frames.length > 0);
    t.match(JSON.parse(frames[0] ?? ''), { next_batch: String });

    const presented = async (port: number) =>
      (await presentedCertificate(port, 'localhost', ca)).certificate.fingerprint256;
    const file = (name: string) => join(dataDir, name);
    const replace = async (cert: string, key: string) => {
      await writeFile(file('cert.pem'), cert);
      await writeFile(file('key.pem'), key);
      server.reload();
    };
    const before = await presented(clientPort);
    const next = authority.issue(['localhost', '127.0.0.1']);
    await replace(next.cert, await readFile(file('key.pem'), 'utf8'));
    await until(() => server.logLines.some((line) => /cannot be used/.test(line)));
    t.match(server.logLines.at(-1), /is not the key of the certificate/);
    t.equal(await presented(clientPort), before, 'the one before is shown on');
    await replace(next.cert, next.key);
    const { fingerprint256 } = new X509Certificate(next.cert);
    for (const port of [clientPort, federationPort])
      await until(async () => (await presented(port)) === fingerprint256);
    t.equal((await get(agent, `${url}/_matrix/client/versions`)).isReused, true);
    t.equal(socket.readyState, WebSocket.OPEN);
    const weak = tlsConnect({
      port: clientPort,
      ca,
      servername: 'localhost',
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES128-SHA256',
    });
    await t.rejects(once(weak, 'secureConnect'), /handshake failure/, 'with the same suites');
    socket.close();
  },
);

t.test('SIGHUP has changed files read at once', async (t) => {
  const federationPort = await freePort();
  const server = await startServerProcess(t, {
    env: {
      CANDOR_SERVER_NAME: 'localhost',
      CANDOR_FEDERATION_LISTEN: `127.0.0.1:${federationPort}`,
    },
  });
  const { authority, dataDir, pid } = server;
  const next = authority.issue(['localhost']);
  await writeFile(join(dataDir, 'cert.pem'), next.cert);
  await writeFile(join(dataDir, 'key.pem'), next.key);
  if (pid !== undefined) process.kill(pid, 'SIGHUP');
  const { fingerprint256 } = new X509Certificate(next.cert);
  const presented = () => presentedCertificate(federationPort, 'localhost', authority.cert);
  await until(async () => (await presented()).certificate.fingerprint256 === fingerprint256);
  t.equal(await server.stop(), 0);
});
