import { connect } from 'node:tls';
import t from 'tap';
import { startTestNetwork } from '../../testing/start-network.ts';

const [a, b] = await startTestNetwork(t, 2);

t.test('a server reads the version of another over TLS', async (t) => {
  const { body } = await a.context.federation.client.request({
    destination: b.serverName,
    method: 'GET',
    path: '/_matrix/federation/v1/version',
    unsigned: true,
  });
  t.match(body, { server: { name: 'Candor', version: String } });
});

t.test('a server gives its keys, and those of others as a notary', async (t) => {
  const { body } = await a.request('GET', '/_matrix/key/v2/server');
  t.match(body, { server_name: a.serverName, signatures: { [a.serverName]: {} } });
  const path = `/_matrix/key/v2/query/${encodeURIComponent(b.serverName)}`;
  const notarised = await a.request('GET', path);
  t.equal(notarised.status, 200);
  const [document] = notarised.body.server_keys;
  t.strictSame(Object.keys(document.signatures).sort(), [a.serverName, b.serverName].sort());
  const bulk = await a.request('POST', '/_matrix/key/v2/query', {
    body: { server_keys: { [a.serverName]: {}, [b.serverName]: {}, 'localhost:1': {} } },
  });
  const names = bulk.body.server_keys.map((keys: { server_name: string }) => keys.server_name);
  t.strictSame(names.sort(), [a.serverName, b.serverName].sort(), 'one that is away is left out');
  t.match(await a.request('POST', '/_matrix/key/v2/query', { body: {} }), {
    status: 400,
    body: { errcode: 'M_MISSING_PARAM' },
  });
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`s${i}.test`, {}]));
  t.match(await a.request('POST', '/_matrix/key/v2/query', { body: { server_keys: many } }), {
    status: 429,
  });
});

t.test('the federation port speaks TLS 1.2 with forward secrecy or 1.3, and says so', async (t) => {
  const port = Number(new URL(`https://${a.serverName}`).port);
  const dial = (options: object): Promise<string> =>
    new Promise((resolve) => {
      const base = { host: '127.0.0.1', port, servername: 'localhost', ca: a.authority.cert };
      const socket = connect({ ...base, ...options }, () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
        socket.end();
      });
      socket.on('error', () => resolve('refused'));
    });
  t.match(await dial({}), /^TLSv1\.3 /);
  t.match(await dial({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-.*(GCM|CHACHA20)/);
  const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' };
  t.equal(await dial({ ...old, maxVersion: 'TLSv1' }), 'refused');
  t.equal(await dial({ ...old, maxVersion: 'TLSv1.1' }), 'refused');
  const suites = ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256'];
  for (const ciphers of suites) {
    t.equal(await dial({ maxVersion: 'TLSv1.2', ciphers }), 'refused', ciphers);
  }
  const { headers } = await b.context.federation.client.stream({
    destination: a.serverName,
    method: 'GET',
    path: '/_matrix/key/v2/server',
    unsigned: true,
  });
  t.match(headers['strict-transport-security'], /max-age=63072000/);
});
