import { once } from 'node:events';
import { connect } from 'node:tls';
import t from 'tap';
import { Agent } from 'undici';
import {
  type ConnectorOptions,
  createConnector,
  RefusedAddressError,
  type ResolveAddresses,
  refusedRange,
} from './address-filter.ts';
import { makeAuthority } from './testing/certificate-authority.ts';
import { startTlsPeer } from './testing/start-tls-peer.ts';

const authority = makeAuthority();
const certificate = authority.issue(['a.test', 'localhost', '127.0.0.1', '::1']);

const get = async (origin: string, options: ConnectorOptions): Promise<number> => {
  const agent = new Agent({ connect: createConnector({ ca: authority.cert, ...options }) });
  try {
    const { statusCode, body } = await agent.request({ origin, path: '/', method: 'GET' });
    await body.dump();
    return statusCode;
  } finally {
    await agent.destroy();
  }
};

const answers =
  (...lists: readonly (readonly string[])[]): ResolveAddresses =>
  async () => {
    const list = (lists.length > 1 ? (lists as string[][]).shift() : lists[0]) ?? [];
    return list.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };

t.test('only public unicast addresses pass', async (t) => {
  for (const address of ['1.1.1.1', '93.184.216.34', '2606:4700::1111', '2a00:1450:4001::5']) {
    t.equal(refusedRange(address), undefined, address);
  }
  const refused = {
    unspecified: ['0.0.0.0', '0.1.2.3', '::'],
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    linkLocal: ['169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
    carrierGradeNat: ['100.64.0.1', '100.127.255.255'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    broadcast: ['255.255.255.255'],
    uniqueLocal: ['fc00::1', 'fd12:3456::1'],
    ipv4Mapped: ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1'],
    rfc6052: ['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::7f00:1'],
    '6to4': ['2002:7f00:1::', '2002:a00:1::1'],
    teredo: ['2001::1', '2001:0:7f00:1::'],
    discard: ['100::1'],
    invalid: ['', 'localhost', '1.2.3.4.5', '::1::'],
  };
  for (const [range, addresses] of Object.entries(refused)) {
    for (const address of addresses) t.equal(refusedRange(address), range, address);
  }
  const reserved = [
    ...['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '192.0.0.1', '192.88.99.1'],
    ...['240.0.0.1', '2001:db8::1', '3fff::1', '4000::1', '::127.0.0.1', 'fec0::1', '5f00::1'],
  ];
  for (const address of reserved) t.ok(refusedRange(address), address);
});

t.test('a connection goes only to addresses that passed', async (t) => {
  const peer = await startTlsPeer(certificate, (_request, response) => response.end('ok'));
  t.teardown(peer.stop);
  const origin = `https://a.test:${peer.port}`;

  t.equal(await get(origin, { allowPrivateAddresses: true, resolve: answers(['127.0.0.1']) }), 200);
  const before = peer.connections();
  for (const addresses of [['127.0.0.1'], ['::ffff:127.0.0.1', '10.0.0.1'], []]) {
    const resolve = answers(addresses);
    await t.rejects(get(origin, { resolve }), RefusedAddressError, addresses.join());
  }
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost']) {
    await t.rejects(get(`https://${host}:${peer.port}`, {}), RefusedAddressError, host);
  }
  t.equal(peer.connections(), before, 'none of these reached the socket');
});

t.test('a name that answers differently each time is judged by the answer used', async (t) => {
  const peer = await startTlsPeer(certificate, (_request, response) => response.end('ok'));
  t.teardown(peer.stop);
  // First public, then private: what a check before the connection would have let pass.
  const resolve = answers(['192.0.2.1'], ['127.0.0.1'], ['127.0.0.1']);
  const agent = new Agent({ connect: createConnector({ ca: authority.cert, resolve }) });
  t.teardown(() => agent.destroy());
  for (let i = 0; i < 3; i += 1) {
    const request = agent.request({
      origin: `https://a.test:${peer.port}`,
      path: '/',
      method: 'GET',
    });
    await t.rejects(request, RefusedAddressError);
  }
  t.equal(peer.connections(), 0);
});

t.test('the public answers of a mixed list are kept, the private ones dropped', async (t) => {
  const peer = await startTlsPeer(certificate, (_request, response) => response.end('ok'));
  t.teardown(peer.stop);
  // Unicast, but of a block that nobody was given.
  const resolve = answers(['127.0.0.1', '2d00::1']);
  const attempt = get(`https://a.test:${peer.port}`, { resolve, connectTimeoutMs: 200 });
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(
    error instanceof Error && !(error instanceof RefusedAddressError),
    'the public one was tried',
  );
  t.equal(peer.connections(), 0, 'the private one was not');
});

t.test('old TLS versions are refused', async (t) => {
  const old = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  } as const;
  const peer = await startTlsPeer({ ...certificate, ...old }, (_, response) => response.end('ok'));
  t.teardown(peer.stop);
  const lax = connect({ ...old, port: peer.port, host: '127.0.0.1', ca: authority.cert });
  await once(lax, 'secureConnect');
  t.equal(lax.getProtocol(), 'TLSv1.1', 'the server itself speaks it');
  lax.destroy();
  const options = { allowPrivateAddresses: true, resolve: answers(['127.0.0.1']) };
  await t.rejects(get(`https://a.test:${peer.port}`, options), { code: /SSL|EPROTO|VERSION/ });
});
