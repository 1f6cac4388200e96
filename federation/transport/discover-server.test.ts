import type { SrvRecord } from 'node:dns';
import type { RequestListener } from 'node:http';
import { limits } from '@candor/spec';
import t, { type Test } from 'tap';
import type { ResolveAddresses } from './address-filter.ts';
import { createServerDiscovery } from './discover-server.ts';
import { createWellKnownFetcher } from './fetch-well-known.ts';
import { makeAuthority } from './testing/certificate-authority.ts';
import { startTlsPeer } from './testing/start-tls-peer.ts';

const authority = makeAuthority();
const certificate = authority.issue(['a.test', 'b.test', '127.0.0.1']);
const onLoopback: ResolveAddresses = async () => [{ address: '127.0.0.1', family: 4 }];

type Setup = {
  readonly answer?: RequestListener;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly random?: () => number;
  readonly resolve?: ResolveAddresses;
  readonly allowPrivateAddresses?: boolean;
  readonly timeoutMs?: number;
};

const notFound: RequestListener = (_request, response) => response.writeHead(404).end();

const setUp = async (test: Test, setup: Setup) => {
  const peer = await startTlsPeer(certificate, setup.answer ?? notFound);
  test.teardown(peer.stop);
  const clock = { now: 1_000_000 };
  const asked: string[] = [];
  const discover = createServerDiscovery({
    fetchWellKnown: createWellKnownFetcher({
      now: () => clock.now,
      port: peer.port,
      ca: authority.cert,
      resolve: setup.resolve ?? onLoopback,
      allowPrivateAddresses: setup.allowPrivateAddresses ?? true,
      timeoutMs: setup.timeoutMs ?? 5_000,
    }),
    now: () => clock.now,
    random: setup.random ?? (() => 0.5),
    resolveSrv: async (name) => {
      asked.push(name);
      const records = setup.srv?.[name];
      if (records === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
      return records;
    },
  });
  return { discover, clock, peer, asked };
};

const delegateTo =
  (server: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(200, headers).end(JSON.stringify({ 'm.server': server }));

const srv = (name: string, port: number, priority = 10, weight = 5): SrvRecord => ({
  name,
  port,
  priority,
  weight,
});

t.test('each step of the resolution gives its target, Host header and TLS name', async (t) => {
  const rows: {
    readonly name: string;
    readonly delegate?: string;
    readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
    readonly want: readonly [
      host: string,
      port: number,
      header: string,
      tls: string,
      source: string,
    ];
  }[] = [
    { name: '192.0.2.7', want: ['192.0.2.7', 8448, '192.0.2.7', '192.0.2.7', 'literal'] },
    { name: '192.0.2.7:99', want: ['192.0.2.7', 99, '192.0.2.7:99', '192.0.2.7', 'literal'] },
    {
      name: '[2001:db8::7]',
      want: ['2001:db8::7', 8448, '[2001:db8::7]', '2001:db8::7', 'literal'],
    },
    { name: '[::7]:99', want: ['::7', 99, '[::7]:99', '::7', 'literal'] },
    { name: 'a.test:99', want: ['a.test', 99, 'a.test:99', 'a.test', 'port'] },
    {
      name: 'a.test',
      delegate: '192.0.2.7',
      want: ['192.0.2.7', 8448, '192.0.2.7', '192.0.2.7', 'literal'],
    },
    {
      name: 'a.test',
      delegate: '[::7]:99',
      want: ['::7', 99, '[::7]:99', '::7', 'literal'],
    },
    { name: 'a.test', delegate: 'b.test:99', want: ['b.test', 99, 'b.test:99', 'b.test', 'port'] },
    {
      name: 'a.test',
      delegate: 'b.test',
      srv: {
        '_matrix-fed._tcp.b.test': [srv('c.test', 7)],
        '_matrix._tcp.b.test': [srv('d.test', 8)],
        '_matrix-fed._tcp.a.test': [srv('e.test', 9)],
      },
      want: ['c.test', 7, 'b.test', 'b.test', 'srv'],
    },
    {
      name: 'a.test',
      delegate: 'b.test',
      srv: { '_matrix._tcp.b.test': [srv('d.test', 8)] },
      want: ['d.test', 8, 'b.test', 'b.test', 'srv-deprecated'],
    },
    {
      name: 'a.test',
      delegate: 'b.test',
      srv: { '_matrix._tcp.a.test': [srv('d.test', 8)] },
      want: ['b.test', 8448, 'b.test', 'b.test', 'default-port'],
    },
    {
      name: 'a.test',
      srv: {
        '_matrix-fed._tcp.a.test': [srv('c.test', 7)],
        '_matrix._tcp.a.test': [srv('d.test', 8)],
      },
      want: ['c.test', 7, 'a.test', 'a.test', 'srv'],
    },
    {
      name: 'a.test',
      srv: { '_matrix._tcp.a.test': [srv('d.test', 8)] },
      want: ['d.test', 8, 'a.test', 'a.test', 'srv-deprecated'],
    },
    { name: 'a.test', want: ['a.test', 8448, 'a.test', 'a.test', 'default-port'] },
  ];
  for (const row of rows) {
    const answer = row.delegate === undefined ? notFound : delegateTo(row.delegate);
    const { discover, peer } = await setUp(t, { answer, srv: row.srv ?? {} });
    const [host, port, hostHeader, tlsName, source] = row.want;
    const delegated = row.delegate !== undefined;
    t.strictSame(
      await discover(row.name),
      { targets: [{ host, port }], hostHeader, tlsName, source, delegated },
      `${row.name} delegated to ${row.delegate}: ${source}`,
    );
    const asksWellKnown = row.name === 'a.test';
    t.equal(peer.seen.length, asksWellKnown ? 1 : 0, 'well-known is asked only where it applies');
    if (asksWellKnown) t.equal(peer.seen[0]?.tlsName, 'a.test');
  }
});

t.test('what is no server name is refused', async (t) => {
  const { discover } = await setUp(t, {});
  for (const name of ['', 'a test', 'a.test:99999', 'https://a.test', '[::1', 'a.test:']) {
    await t.rejects(discover(name), TypeError, name);
  }
});

t.test('a well-known answer that is not valid leads to the next step', async (t) => {
  const answers: Record<string, RequestListener> = {
    'no JSON': (_, response) => response.end('<html>'),
    'no m.server': (_, response) => response.end('{}'),
    'no object': (_, response) => response.end('null'),
    'a number': (_, response) => response.end('{"m.server":1}'),
    'a bad name': delegateTo('b.test/path'),
    'a bad port': delegateTo('b.test:99999'),
    'status 500': (_, response) => response.writeHead(500).end('{"m.server":"b.test:1"}'),
    'too large': (_, response) =>
      response.end(
        JSON.stringify({ 'm.server': 'b.test:1', x: 'x'.repeat(limits.wellKnownBytesMax) }),
      ),
    'redirect loop': (_, response) =>
      response.writeHead(302, { location: '/.well-known/matrix/server' }).end(),
    'too many redirects': (request, response) =>
      response.writeHead(302, { location: `${request.url}x` }).end(),
    'redirect to http': (_, response) =>
      response.writeHead(302, { location: 'http://b.test/' }).end(),
    'redirect to nowhere': (_, response) => response.writeHead(302).end(),
    'broken off': (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      response.destroy();
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    const { discover, peer } = await setUp(t, { answer });
    t.match(await discover('a.test'), { source: 'default-port', delegated: false }, name);
    t.ok(peer.seen.length <= limits.wellKnownRedirectsMax + 1, `${name}: few requests`);
  }
});

t.test('a well-known answer that never ends is given up', async (t) => {
  const answer: RequestListener = (_, response) => {
    response.writeHead(200).write('{');
  };
  const { discover } = await setUp(t, { answer, timeoutMs: 100 });
  t.match(await discover('a.test'), { source: 'default-port' });
});

t.test('a certificate for another name makes well-known fail', async (t) => {
  const { discover, peer } = await setUp(t, { answer: delegateTo('b.test:1') });
  t.match(await discover('a.other'), { source: 'default-port' });
  t.equal(peer.seen.length, 0, 'nothing was asked');
});

t.test('redirects to other hosts are followed over HTTPS', async (t) => {
  const answer: RequestListener = (request, response) => {
    const { host = '' } = request.headers;
    const port = host.split(':')[1];
    if (host.startsWith('a.')) {
      response.writeHead(301, { location: `https://b.test:${port}/elsewhere?x=1` }).end();
    } else
      response.end(JSON.stringify({ 'm.server': `${request.url === '/elsewhere?x=1'}.test:1` }));
  };
  const { discover } = await setUp(t, { answer });
  t.match(await discover('a.test'), { hostHeader: 'true.test:1' });
});

t.test('a redirect to a private address is refused like a first request', async (t) => {
  const { discover, peer } = await setUp(t, {
    answer: delegateTo('b.test:1'),
    allowPrivateAddresses: false,
  });
  t.match(await discover('a.test'), { source: 'default-port' });
  t.equal(peer.connections(), 0);
});

t.test('well-known answers are kept as their headers say, within bounds', async (t) => {
  const day = 86_400_000;
  const rows: readonly (readonly [Record<string, string>, number])[] = [
    [{}, day],
    [{ 'cache-control': 'public, max-age=3600' }, 3_600_000],
    [{ 'cache-control': 'max-age=99999999' }, 2 * day],
    [{ 'cache-control': 'no-store' }, limits.wellKnownCacheMsMin],
    [{ 'cache-control': 'max-age=1' }, limits.wellKnownCacheMsMin],
    [{ expires: new Date(1_000_000 + 7_200_000).toUTCString() }, 7_200_000],
    [{ expires: 'never' }, day],
  ];
  for (const [headers, keptMs] of rows) {
    const { discover, peer, clock } = await setUp(t, { answer: delegateTo('b.test:1', headers) });
    const start = clock.now;
    await discover('a.test');
    clock.now = start + keptMs - 1;
    await discover('a.test');
    t.equal(peer.seen.length, 1, `${JSON.stringify(headers)} holds`);
    clock.now = start + keptMs;
    await discover('a.test');
    t.equal(peer.seen.length, 2, `${JSON.stringify(headers)} ends`);
  }
});

t.test('errors are kept ever longer, up to an hour, and forgotten after a success', async (t) => {
  let status = 404;
  const answer: RequestListener = (_, response) =>
    response.writeHead(status).end('{"m.server":"b.test:1"}');
  const { discover, peer, clock } = await setUp(t, { answer });
  const waits: number[] = [];
  let last = clock.now;
  await discover('a.test');
  for (let i = 0; i < 400 && waits.length < 8; i += 1) {
    clock.now += 30_000;
    const before = peer.seen.length;
    await discover('a.test');
    if (peer.seen.length > before) {
      waits.push((clock.now - last) / 60_000);
      last = clock.now;
    }
  }
  t.strictSame(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
  status = 200;
  clock.now += 3_600_000;
  t.match(await discover('a.test'), { delegated: true });
});

t.test('callers at the same time share one fetch', async (t) => {
  const { discover, peer, asked } = await setUp(t, {});
  await Promise.all(Array.from({ length: 20 }, () => discover('a.test')));
  t.equal(peer.seen.length, 1);
  t.strictSame(asked, ['_matrix-fed._tcp.a.test', '_matrix._tcp.a.test']);
});

t.test('SRV targets come by priority, then at random by weight', async (t) => {
  const records = [
    srv('late.test', 1, 20),
    srv('light.test', 2, 10, 1),
    srv('heavy.test', 3, 10, 99),
  ];
  const first = new Map<string, number>();
  let seed = 0;
  const { discover } = await setUp(t, {
    srv: { '_matrix-fed._tcp.a.test': records },
    // A plain walk through [0, 1).
    random: () => (seed = (seed + 0.618034) % 1),
  });
  for (let i = 0; i < 200; i += 1) {
    const { targets } = await discover('a.test');
    t.equal(targets.at(-1)?.host, 'late.test');
    const host = targets[0]?.host ?? '';
    first.set(host, (first.get(host) ?? 0) + 1);
  }
  t.ok((first.get('heavy.test') ?? 0) > 150, 'the heavy one mostly comes first');
});

t.test('a root target says that there is no such service', async (t) => {
  const { discover } = await setUp(t, { srv: { '_matrix-fed._tcp.a.test': [srv('', 0)] } });
  t.strictSame((await discover('a.test')).targets, []);
});
