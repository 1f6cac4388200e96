import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { limits } from '@candor/spec';
import t, { type Test } from 'tap';
import { publicKeyFromBase64, signingKeyFromSeed } from '../keys/signing-key.ts';
import { parseAuthorization, requestSignedBytes } from '../requests/x-matrix.ts';
import type { ResolveAddresses } from './address-filter.ts';
import type { DiscoveredServer } from './discover-server.ts';
import { createPeerClient, type PeerClientOptions } from './peer-client.ts';
import { PeerError, type PeerErrorKind } from './peer-error.ts';
import { makeAuthority } from './testing/certificate-authority.ts';
import { readBody, startTlsPeer } from './testing/start-tls-peer.ts';
import { verifySignature } from './verify-signature.ts';

const authority = makeAuthority();
const certificate = authority.issue(['a.test', '127.0.0.1']);
const key = signingKeyFromSeed('1', Buffer.alloc(32, 7));
const onLoopback: ResolveAddresses = async () => [{ address: '127.0.0.1', family: 4 }];

const setUp = async (
  test: Test,
  answer: RequestListener,
  options: Partial<PeerClientOptions> = {},
) => {
  const peer = await startTlsPeer(certificate, answer);
  const server: DiscoveredServer = {
    targets: [{ host: 'target.test', port: peer.port }],
    hostHeader: 'a.test',
    tlsName: 'a.test',
    source: 'srv',
    delegated: false,
  };
  const client = createPeerClient({
    serverName: 'us.test',
    signingKey: () => key,
    discover: async () => server,
    ca: authority.cert,
    resolve: onLoopback,
    allowPrivateAddresses: true,
    ...options,
  });
  test.teardown(async () => {
    await client.close();
    await peer.stop();
  });
  return { peer, client, server };
};

const failure = async (attempt: Promise<unknown>): Promise<PeerError> => {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PeerError) return error;
  throw new Error('no PeerError', { cause: error });
};

const get = { destination: 'a.test', method: 'GET', path: '/_matrix/x' } as const;

t.test(
  'a request is signed over its method, target, origin, destination and content',
  async (t) => {
    const bodies: string[] = [];
    const headers: string[] = [];
    const { client, peer } = await setUp(t, async (request, response) => {
      headers.push(request.headers.authorization ?? '');
      bodies.push(await readBody(request));
      response.end('{"done":true}');
    });
    const content = { b: [1, 'ü'], a: null };
    const answer = await client.request({
      destination: 'a.test',
      method: 'PUT',
      path: '/_matrix/federation/v1/send/1%2F2',
      query: { ver: ['1', '2'], limit: 3, left: undefined, text: 'a b&c' },
      content,
    });
    t.strictSame(answer, { status: 200, body: { done: true } });
    const uri = '/_matrix/federation/v1/send/1%2F2?ver=1&ver=2&limit=3&text=a+b%26c';
    t.match(peer.seen[0], { url: uri, host: 'a.test', tlsName: 'a.test' });
    t.strictSame(JSON.parse(bodies[0] ?? ''), content);

    const header = parseAuthorization(headers[0] ?? '');
    t.match(header, { origin: 'us.test', destination: 'a.test', keyId: 'ed25519:1' });
    const publicKey = publicKeyFromBase64(key.publicKey);
    if (header === undefined || publicKey === undefined) throw new Error('unreadable header');
    const signed = { method: 'PUT', uri, origin: 'us.test', destination: 'a.test' };
    const bytes = requestSignedBytes({ ...signed, content });
    t.ok(await verifySignature(bytes, header.signature, publicKey));
    t.notOk(await verifySignature(requestSignedBytes(signed), header.signature, publicKey));
  },
);

t.test('an unsigned request carries no signature', async (t) => {
  const { client } = await setUp(t, (request, response) =>
    response.end(JSON.stringify({ header: request.headers.authorization ?? null })),
  );
  t.strictSame((await client.request({ ...get, unsigned: true })).body, { header: null });
});

t.test('connections are kept, and capped per server', async (t) => {
  const { client, peer } = await setUp(t, (_request, response) => response.end('{}'));
  for (let i = 0; i < 5; i += 1) await client.request(get);
  t.ok(peer.connections() < 3, `${peer.connections()} connections for five requests in a row`);
  await Promise.all(Array.from({ length: 50 }, () => client.request(get)));
  t.equal(peer.connections(), limits.peerConnectionsMax);
});

t.test(
  'a kept connection that the peer has closed costs no request, unless it is a POST',
  async (t) => {
    let requests = 0;
    const { client } = await setUp(t, (request, response) => {
      requests += 1;
      // Every second request meets a connection that ends without an answer.
      if (requests % 2 === 0) request.socket.destroy();
      else response.end('{}');
    });
    await client.request(get);
    await client.request(get);
    t.equal(requests, 3);
    const post = { ...get, method: 'POST', content: {} } as const;
    t.equal((await failure(client.request(post))).kind, 'unreachable');
    t.equal(requests, 4);
  },
);

t.test('every failure has its kind', async (t) => {
  const rows: readonly (readonly [PeerErrorKind, string, RequestListener])[] = [
    ['bad-answer', 'is not JSON', (_, response) => response.end('<html>')],
    ['bad-answer', 'is not JSON', (_, response) => response.end('{"a":1,"a":2}')],
    ['bad-answer', 'is not JSON', (_, response) => response.end(Buffer.from([0x22, 0xff, 0x22]))],
    ['too-large', 'over 1000 bytes', (_, response) => response.end('"'.padEnd(5_000, 'x'))],
    [
      'too-large',
      'over 1000 bytes',
      (_, response) => {
        response.write('"'.padEnd(900, 'x'));
        response.write(''.padEnd(900, 'x'));
      },
    ],
    ['unreachable', '', (request) => request.socket.destroy()],
    [
      'unreachable',
      '',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{');
        response.destroy();
      },
    ],
    ['timeout', '', () => undefined],
    ['timeout', '', (_, response) => response.writeHead(200).write('{')],
    ['status', 'status 302', (_, response) => response.writeHead(302, { location: '/' }).end()],
    ['status', 'status 500', (_, response) => response.writeHead(500).end('oops')],
    ['bad-answer', '', (request) => request.socket.end('HTTP/1.1 what\r\n\r\n')],
  ];
  for (const [kind, text, answer] of rows) {
    const { client } = await setUp(t, answer);
    // Only what is about a wait has a short one: a busy machine may need a second for a handshake.
    const timeoutMs = kind === 'timeout' ? 300 : 30_000;
    const error = await failure(client.request({ ...get, maxBytes: 1_000, timeoutMs }));
    t.equal(error.kind, kind, `${kind}: ${error.message}`);
    t.ok(error.message.includes(text), error.message);
  }
});

t.test('an error answer gives its errcode and when to come back', async (t) => {
  const answers: RequestListener[] = [
    (_, response) =>
      response.writeHead(429).end('{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}'),
    (_, response) => response.writeHead(503, { 'retry-after': '7' }).end('no JSON'),
    (_, response) => response.writeHead(404).end('{"errcode":42}'),
    (_, response) => response.writeHead(400).end('x'.repeat(limits.peerErrorBytesMax + 1)),
  ];
  const { client } = await setUp(t, (request, response) => answers.shift()?.(request, response));
  t.match(await failure(client.request(get)), {
    kind: 'status',
    status: 429,
    errcode: 'M_LIMIT_EXCEEDED',
    retryAfterMs: 1_500,
  });
  t.match(await failure(client.request(get)), { status: 503, retryAfterMs: 7_000 });
  t.match(await failure(client.request(get)), { status: 404, errcode: undefined });
  t.match(await failure(client.request(get)), { status: 400 });
});

t.test('a certificate for another name is refused before anything is sent', async (t) => {
  const { client, peer, server } = await setUp(t, (_request, response) => response.end('{}'));
  const elsewhere = { ...server, tlsName: 'b.test', hostHeader: 'b.test' };
  const { client: other } = await setUp(t, () => undefined, { discover: async () => elsewhere });
  t.equal((await failure(other.request(get))).kind, 'unreachable');
  t.equal(peer.seen.length, 0);
  t.equal((await client.request(get)).status, 200);

  const ip = { ...server, tlsName: '127.0.0.1', targets: [{ host: '127.0.0.1', port: peer.port }] };
  const hostHeader = `127.0.0.1:${peer.port}`;
  const byIp = await setUp(t, () => undefined, { discover: async () => ({ ...ip, hostHeader }) });
  await byIp.client.request({ ...get, destination: hostHeader });
  t.match(peer.seen.at(-1), { host: hostHeader, tlsName: false }, 'an IP address is no SNI name');
});

t.test('an unknown certificate authority is refused', async (t) => {
  const stranger = makeAuthority();
  const { client } = await setUp(t, (_, response) => response.end('{}'), { ca: stranger.cert });
  const { kind, message } = await failure(client.request(get));
  t.equal(kind, 'unreachable');
  t.notMatch(message, 'Node', 'no advice on settings that are not ours');
});

t.test('private addresses are refused, of names and of literals', async (t) => {
  const { client, peer } = await setUp(t, () => undefined, { allowPrivateAddresses: false });
  t.equal((await failure(client.request(get))).kind, 'refused-address');
  const targets = [{ host: '127.0.0.1', port: peer.port }];
  const literal: DiscoveredServer = {
    targets,
    hostHeader: '127.0.0.1',
    tlsName: '127.0.0.1',
    source: 'literal',
    delegated: false,
  };
  const options = { allowPrivateAddresses: false, discover: async () => literal };
  const { client: byIp } = await setUp(t, () => undefined, options);
  t.equal((await failure(byIp.request(get))).kind, 'refused-address');
  t.equal(peer.connections(), 0);
});

t.test('the next SRV target is tried when one does not answer', async (t) => {
  const { peer, server } = await setUp(t, (_request, response) => response.end('{}'));
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => closed.close(resolve));
  const targets = [{ host: 'down.test', port }, ...server.targets];
  const { client } = await setUp(t, () => undefined, {
    discover: async () => ({ ...server, targets }),
  });
  t.equal((await client.request(get)).status, 200);
  t.equal(peer.seen.length, 1);

  const none = await setUp(t, () => undefined, {
    discover: async () => ({ ...server, targets: [] }),
  });
  t.match(await failure(none.client.request(get)), {
    kind: 'unreachable',
    message: /no such service/,
  });
});

t.test('the allow and deny lists decide before anything else', async (t) => {
  let discoveries = 0;
  const discover = () => {
    discoveries += 1;
    return Promise.reject(new Error('not reached'));
  };
  const lists = { allow: ['*.good.test', 'plain.test'], deny: ['evil.good.test'] };
  const { client } = await setUp(t, () => undefined, { ...lists, discover });
  const kindFor = async (destination: string) =>
    (await failure(client.request({ ...get, destination }))).kind;
  for (const name of ['a.good.test', 'A.GOOD.test:8448', 'plain.test', 'plain.test:1']) {
    t.equal(await kindFor(name), 'unreachable', name);
  }
  const asked = discoveries;
  for (const name of [
    'good.test',
    'evil.good.test',
    'evil.good.test:99',
    'xplain.test',
    'a b',
    '',
  ]) {
    t.equal(await kindFor(name), 'denied', name);
  }
  t.equal(discoveries, asked);
});

t.test('a stream hands on bytes as they come, and stops at its limit', async (t) => {
  const { client } = await setUp(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png' });
    response.end(Buffer.alloc(100_000, 1));
  });
  const { status, headers, body } = await client.stream(get);
  t.equal(status, 200);
  t.equal(headers['content-type'], 'image/png');
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  t.equal(bytes, 100_000);

  const limited = await client.stream({ ...get, maxBytes: 50_000 });
  const error = await failure(
    (async () => {
      for await (const chunk of limited.body) t.ok(chunk.length <= 50_000);
    })(),
  );
  t.equal(error.kind, 'too-large');

  const left = await client.stream(get);
  await left.body.discard();
  t.equal(await client.request({ ...get }).catch((e: PeerError) => e.kind), 'bad-answer');
});

t.test('the caller can break off a request', async (t) => {
  const { client } = await setUp(t, (_request, response) => {
    response.writeHead(200).write('{');
  });
  const reason = new Error('changed my mind');
  const abort = new AbortController();
  const attempt = client.request({ ...get, signal: abort.signal });
  const rejected = t.rejects(attempt, reason);
  setImmediate(() => abort.abort(reason));
  await rejected;
  await t.rejects(client.request({ ...get, signal: AbortSignal.abort(reason) }), reason);
});
