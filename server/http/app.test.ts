import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { limits } from '@candor/spec';
import pg from 'pg';
import t from 'tap';
import { startTestServer, type TestServer } from '../testing/start-server.ts';

const whoami = '/_matrix/client/v3/account/whoami';
const login = '/_matrix/client/v3/login';

const dial = async (server: TestServer): Promise<Socket> => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};

const readAll = async (socket: Socket): Promise<string> => {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
};

t.test('HTTP', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice');

  t.test('a known operation is answered with JSON and the headers browsers need', async (t) => {
    const { status, headers, body } = await server.request('GET', '/_matrix/client/versions');
    t.equal(status, 200);
    t.ok(body.versions.includes('v1.19'));
    t.equal(headers.get('content-type'), 'application/json');
    t.equal(headers.get('access-control-allow-origin'), '*');
    t.equal(headers.get('x-content-type-options'), 'nosniff');
    t.equal(headers.get('referrer-policy'), 'no-referrer');
    t.equal(headers.get('strict-transport-security'), null, 'no HSTS on plain HTTP');
  });

  t.test('a wrong method is told the right ones', async (t) => {
    const { headers } = await server.request('DELETE', '/_matrix/client/v3/createRoom');
    t.equal(headers.get('allow'), 'POST');
  });

  t.test('an unknown path is 404 and an unknown method 405, both M_UNRECOGNIZED', async (t) => {
    for (const [method, path, status] of [
      ['GET', '/_matrix/client/v3/nothing', 404],
      ['GET', '/', 404],
      ['GET', '/_matrix/client/versions/', 404],
      ['GET', '//_matrix/client/versions', 404],
      ['DELETE', '/_matrix/client/versions', 405],
      ['PATCH', whoami, 405],
    ] as const) {
      const answer = await server.request(method, path);
      t.match(answer, { status, body: { errcode: 'M_UNRECOGNIZED' } }, `${method} ${path}`);
      t.equal(answer.headers.get('access-control-allow-origin'), '*');
    }
  });

  t.test('a refusal keeps the connection for the next request', async (t) => {
    const socket = await dial(server);
    const refused =
      'POST /_matrix/client/v3/logout HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
    socket.write(refused);
    socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const statuses = (await readAll(socket)).match(/HTTP\/1.1 \d+/g);
    t.strictSame(statuses, ['HTTP/1.1 401', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  });

  t.test('OPTIONS is answered for every path without a look at the operation', async (t) => {
    for (const path of [whoami, '/nothing']) {
      const { status, headers } = await server.request('OPTIONS', path);
      t.equal(status, 204);
      t.match(headers.get('access-control-allow-methods'), /DELETE/);
      t.match(headers.get('access-control-allow-headers'), /Authorization/);
    }
  });

  t.test('HEAD is GET without the body', async (t) => {
    const { status, headers, body } = await server.request('HEAD', '/_matrix/client/versions');
    t.equal(status, 200);
    t.equal(body, '');
    t.ok(Number(headers.get('content-length')) > 0);
    t.equal((await server.request('HEAD', login)).status, 200);
    t.equal((await server.request('HEAD', '/_matrix/client/v3/refresh')).status, 405);
  });

  t.test('path segments are percent-decoded once', async (t) => {
    const token = alice.accessToken;
    const device = (id: string) =>
      server.request('GET', `/_matrix/client/v3/devices/${id}`, { token });
    const encoded = alice.deviceId.replace(
      /^./,
      (letter) => `%${letter.charCodeAt(0).toString(16)}`,
    );
    t.match(await device(encoded), { status: 200, body: { device_id: alice.deviceId } });
    t.match(await device('a%2Fb'), { status: 404, body: { errcode: 'M_NOT_FOUND' } });
    t.match(await device('%zz'), { status: 400, body: { errcode: 'M_INVALID_PARAM' } });
    t.match(await device('%ff'), { status: 400, body: { errcode: 'M_INVALID_PARAM' } });
    t.match(await device('%00'), { status: 400, body: { errcode: 'M_INVALID_PARAM' } });
    t.match(await device(''), { status: 400, body: { errcode: 'M_INVALID_PARAM' } });
  });

  t.test('a body is JSON whatever its Content-Type says', async (t) => {
    const send = (body: string | Uint8Array) =>
      server.request('POST', login, { body, headers: { 'Content-Type': 'text/plain' } });
    t.match(await send('{"type":"x"}'), { status: 400, body: { errcode: 'M_UNKNOWN' } });
    t.match(await send(''), { status: 400, body: { errcode: 'M_MISSING_PARAM' } }, 'empty is {}');
    for (const body of [
      '{',
      'null x',
      '{"type":"a","type":"b"}',
      `${'['.repeat(1_000)}${']'.repeat(1_000)}`,
      '{"type":"\\ud800"}',
      Uint8Array.of(0x22, 0xff, 0x22),
    ]) {
      const answer = await send(body);
      t.match(answer, { status: 400, body: { errcode: 'M_NOT_JSON' } }, String(body).slice(0, 40));
    }
    for (const body of ['null', '7', '"text"', '[]', '{"type":{}}']) {
      t.match(await send(body), { status: 400, body: { errcode: 'M_BAD_JSON' } }, body);
    }
  });

  t.test('a body that is too large is refused before it is read', async (t) => {
    const declared = await dial(server);
    declared.write(`POST ${login} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{`);
    const refusal = await readAll(declared);
    t.match(refusal, /^HTTP\/1.1 413 .*M_TOO_LARGE/s);
    t.match(refusal, /connection: close/i);

    const late = await dial(server);
    late.pause();
    late.write(`POST ${login} HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n`);
    await new Promise((resolve) => late.write(Buffer.alloc(30_000_000, ' '), resolve));
    t.match(
      await readAll(late),
      /^HTTP\/1.1 413 .*M_TOO_LARGE/s,
      'also by who has to send it first',
    );

    const chunked = await dial(server);
    chunked.write(`POST ${login} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    chunked.on('error', () => undefined);
    for (let sent = 0; sent < 20; sent += 1) chunked.write(chunk);
    t.match(await readAll(chunked), /^HTTP\/1.1 413 .*M_TOO_LARGE/s);
  });

  t.test('a body that breaks off is no fault of ours', async (t) => {
    const socket = await dial(server);
    socket.write(`POST ${login} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{`);
    socket.destroy();
    await once(socket, 'close');
    t.equal((await server.request('GET', '/health')).status, 200);
    t.notMatch(server.logLines.join(''), /"level":"error"/);
  });

  t.test('huge headers are refused', async (t) => {
    const headers = { 'X-Long': 'x'.repeat(40_000) };
    t.equal((await server.request('GET', '/health', { headers })).status, 431);
  });

  t.test('health, readiness and metrics', async (t) => {
    t.match(await server.request('GET', '/health'), { status: 200, body: { status: 'ok' } });
    t.match(await server.request('GET', '/ready'), { status: 200, body: { status: 'ok' } });
    const { headers, body } = await server.request('GET', '/metrics');
    t.match(headers.get('content-type'), /^text\/plain/);
    t.match(
      body,
      /candor_http_request_seconds_count\{operation="getVersions",status="200"\} [1-9]/,
    );
  });

  t.test('nothing secret is in the log', async (t) => {
    await server.request('GET', `${whoami}?access_token=${alice.accessToken}`);
    t.notMatch(server.logLines.join(''), alice.accessToken);
  });
});

t.test('the log names what nobody here answers, and no more of it than helps', async (t) => {
  const server = await startTestServer(t, { env: { CANDOR_LOG_LEVEL: 'debug' } });
  const { accessToken } = await server.register('alice');
  const answered = async (method: string, path: string) => {
    const before = server.logLines.length;
    await server.request(method, path, { token: accessToken });
    const line = server.logLines.slice(before).find((one) => one.includes('"msg":"answered"'));
    return JSON.parse(line ?? '{}');
  };
  const unknown = '/_matrix/client/unstable/org.example.msc1/thing';
  t.match(await answered('PUT', `${unknown}?access_token=${accessToken}`), {
    level: 'debug',
    status: 404,
    method: 'PUT',
    path: unknown,
  });
  const known = '/_matrix/client/versions';
  t.match(await answered('DELETE', known), { status: 405, method: 'DELETE', path: known });
  const broken = await answered('GET', '/_matrix/%ff');
  t.match(broken, { status: 400, method: 'GET', path: '/_matrix/%ff' });
  const long = `/${'x'.repeat(5_000)}`;
  t.equal((await answered('GET', long)).path, long.slice(0, limits.loggedPathLengthMax));
  const recognised = await answered('GET', whoami);
  t.match(recognised, { status: 200, operationId: 'getTokenOwner' });
  t.notOk('path' in recognised, 'what is known is named by its operation alone');
  t.notMatch(server.logLines.join(''), accessToken);
});

t.test('behind a declared proxy the last address it names counts', async (t) => {
  const server = await startTestServer(t, { env: { CANDOR_BEHIND_PROXY: 'true' } });
  const alice = await server.register('alice');
  const address = async (forwarded: string): Promise<string> => {
    const headers = { 'X-Forwarded-For': forwarded };
    const path = `/_matrix/client/v3/devices/${alice.deviceId}`;
    const answer = await server.request('GET', path, { token: alice.accessToken, headers });
    t.match(answer.headers.get('strict-transport-security'), /max-age=\d{8}/);
    return answer.body.last_seen_ip;
  };
  t.equal(await address('198.51.100.1, 203.0.113.9'), '203.0.113.9');
  t.equal(await address('::ffff:203.0.113.9'), '203.0.113.9');
  t.equal(await address('not an address'), '127.0.0.1');
});

t.test('rate limits', async (t) => {
  const server = await startTestServer(t, {
    env: { CANDOR_RATE_LIMITS: 'on', CANDOR_BEHIND_PROXY: 'true' },
  });
  const ask = (from: string) =>
    server.request('GET', '/_matrix/client/v3/register/available?username=x', {
      headers: { 'X-Forwarded-For': from },
    });
  const answers = [];
  for (let count = 0; count < 12; count += 1) answers.push(await ask('203.0.113.9'));
  const refused = answers.find(({ status }) => status === 429);
  t.match(refused?.body, { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: Number });
  t.ok(Number(refused?.headers.get('retry-after')) >= 1);
  t.equal((await ask('203.0.113.10')).status, 200, 'others are not touched');
  t.equal(answers[0]?.status, 200);
  for (let count = 0; count < 12; count += 1) await ask(`2001:db8::${count}`);
  t.equal((await ask('2001:db8::ffff')).status, 429, 'a network counts as one');
  t.equal((await ask('2001:db8:0:1::1')).status, 200);
});

t.test('a database that goes away is 503 until it is back', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice');
  const name = new URL(server.databaseUrl.replace('@/', '@x/')).pathname.slice(1);
  const admin = new pg.Client({
    connectionString: server.databaseUrl.replace(`/${name}`, '/postgres'),
  });
  await admin.connect();
  t.teardown(() => admin.end());
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    name,
  ]);
  const away = await server.request('GET', '/_matrix/client/v3/devices', {
    token: alice.accessToken,
  });
  t.match(away, { status: 503, body: { errcode: 'M_UNKNOWN' } });
  t.ok(Number(away.headers.get('retry-after')) > 0);
  t.match(await server.request('GET', '/health'), {
    status: 503,
    body: { status: 'unavailable', reason: 'database' },
  });
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  t.equal((await server.request('GET', '/health')).status, 200);
  const back = await server.request('GET', whoami, { token: alice.accessToken });
  t.equal(back.status, 200);
});

t.test('a server that drains finishes what is open and takes nothing new', async (t) => {
  const server = await startTestServer(t);
  const idle = await dial(server);
  const open = await dial(server);
  const body = JSON.stringify({ type: 'm.login.none' });
  open.write(`POST ${login} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n{`);
  await server.request('GET', '/health');
  const stopped = server.stop();
  t.equal(await readAll(idle), '', 'an idle connection is closed');
  await t.rejects(dial(server), 'no new connection');
  open.write(body.slice(1));
  const answer = await readAll(open);
  t.match(answer, /^HTTP\/1.1 400 .*M_UNKNOWN/s);
  t.match(answer, /connection: close/i);
  await stopped;
});
