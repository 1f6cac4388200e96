import type { RequestListener } from 'node:http';
import t, { type Test } from 'tap';
import { PeerError } from './peer-error.ts';
import { makeAuthority } from './testing/certificate-authority.ts';
import { readBody, startTlsPeer } from './testing/start-tls-peer.ts';
import { createWebClient, type WebRequest } from './web-client.ts';

const authority = makeAuthority();
const certificate = authority.issue(['a.test', 'b.test']);

const setUp = async (test: Test, answer: RequestListener) => {
  const peer = await startTlsPeer(certificate, answer);
  const web = createWebClient({
    ca: authority.cert,
    allowPrivateAddresses: true,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  test.teardown(async () => {
    await web.close();
    await peer.stop();
  });
  const ask = (path: string, how: Partial<WebRequest> = {}) =>
    web.request({
      url: `https://a.test:${peer.port}${path}`,
      timeoutMs: 5_000,
      maxBytes: 1_000,
      ...how,
    });
  return { peer, ask };
};

const kindOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'no failure',
    (error: unknown) => (error instanceof PeerError ? error.kind : String(error)),
  );

t.test(
  'a GET follows redirects, and tells another origin nothing that was meant for the first',
  async (t) => {
    const authorizations: unknown[] = [];
    const { ask, peer } = await setUp(t, (request, response) => {
      authorizations.push(request.headers.authorization);
      if (request.url === '/1') response.writeHead(302, { location: '/2?x=1' }).end('moved');
      else if (request.url === '/2?x=1') {
        response.writeHead(307, { location: `//b.test:${peer.port}/3` }).end();
      } else response.writeHead(201, { 'content-type': 'text/plain' }).end('{"end":true}');
    });
    const headers = { authorization: 'Bearer secret' };
    const answer = await ask('/1', { headers, redirectsMax: 2 });
    t.match(answer, { status: 201, url: `https://b.test:${peer.port}/3` });
    t.equal(answer.headers['content-type'], 'text/plain');
    t.strictSame(await answer.body.json(), { end: true });
    t.strictSame(authorizations, ['Bearer secret', 'Bearer secret', undefined]);

    t.equal(await kindOf(ask('/1', { redirectsMax: 1 })), 'bad-answer');
    const asItIs = await ask('/1');
    t.equal(asItIs.status, 302);
    await asItIs.body.discard();
  },
);

t.test('a POST is sent once, whatever the answer', async (t) => {
  const bodies: string[] = [];
  const { ask } = await setUp(t, async (request, response) => {
    bodies.push(`${request.method} ${await readBody(request)}`);
    response.writeHead(308, { location: '/elsewhere' }).end();
  });
  const answer = await ask('/', { method: 'POST', body: '{}', redirectsMax: 5 });
  t.equal(answer.status, 308);
  await answer.body.discard();
  t.strictSame(bodies, ['POST {}']);
});

t.test('only web addresses are asked and followed', async (t) => {
  for (const location of ['file:///etc/passwd', 'ftp://b.test/', 'https://', '/loop']) {
    const { ask } = await setUp(t, (_request, response) =>
      response.writeHead(302, { location }).end(),
    );
    t.equal(await kindOf(ask('/loop', { redirectsMax: 5 })), 'bad-answer', location);
  }
  const { ask, peer } = await setUp(t, (_request, response) =>
    response.writeHead(302, { location: `http://b.test:${peer.port}/` }).end(),
  );
  t.equal(await kindOf(ask('/', { redirectsMax: 5, httpsOnly: true })), 'bad-answer');
  t.equal(await kindOf(ask('', { url: 'no address' })), 'bad-answer');
  t.equal(
    await kindOf(ask('', { url: `http://a.test:${peer.port}`, httpsOnly: true })),
    'bad-answer',
  );
});

t.test('answers are limited in size and time, and failures do not repeat the path', async (t) => {
  const { ask } = await setUp(t, (request, response) => {
    if (request.url === '/large') response.end('x'.repeat(5_000));
    else if (request.url === '/slow') response.writeHead(200).write('x');
    else request.socket.destroy();
  });
  const read = async (path: string, how: Partial<WebRequest> = {}) => {
    const { body } = await ask(path, how);
    return body.json();
  };
  t.equal(await kindOf(read('/large')), 'too-large');
  t.equal(await kindOf(read('/slow', { timeoutMs: 100 })), 'timeout');
  const secret = await ask('/hooks/secret').catch((error: unknown) => error);
  t.match(secret, { kind: 'unreachable' });
  t.notMatch(String(secret), /secret/);
  const reason = new Error('enough');
  await t.rejects(ask('/slow', { signal: AbortSignal.abort(reason) }), reason);
});

t.test('a discarded answer gives its connection back', async (t) => {
  const { ask, peer } = await setUp(t, (_request, response) => response.end('x'.repeat(900)));
  for (let i = 0; i < 20; i += 1) await (await ask('/')).body.discard();
  t.ok(peer.connections() < 5, `${peer.connections()} connections`);
  const { body } = await ask('/');
  for await (const chunk of body) {
    t.ok(chunk.length > 0);
    break;
  }
  t.equal((await ask('/')).status, 200);
});
