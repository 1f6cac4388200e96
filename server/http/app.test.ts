import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');

t.test('a known operation is answered with JSON and the headers that browsers need', async (t) => {
  const { status, headers, body } = await server.request('GET', '/_matrix/client/versions');
  t.equal(status, 200);
  t.ok(body.versions.includes('v1.19'));
  t.equal(headers.get('content-type'), 'application/json');
  t.equal(headers.get('access-control-allow-origin'), '*');
  t.equal(headers.get('x-content-type-options'), 'nosniff');
  t.equal(headers.get('strict-transport-security'), null, 'no HSTS on plain HTTP');
});

t.test('an unknown path is 404 and an unknown method 405, both M_UNRECOGNIZED', async (t) => {
  for (const [method, path, status] of [
    ['GET', '/_matrix/client/v3/nothing', 404],
    ['GET', '/', 404],
    ['DELETE', '/_matrix/client/versions', 405],
  ] as const) {
    const answer = await server.request(method, path);
    t.equal(answer.status, status);
    t.equal(answer.body.errcode, 'M_UNRECOGNIZED');
  }
});

t.test('OPTIONS is answered for every path without a look at the operation', async (t) => {
  const { status, headers } = await server.request('OPTIONS', '/_matrix/client/v3/account/whoami');
  t.equal(status, 204);
  t.match(headers.get('access-control-allow-methods'), /DELETE/);
});

t.test('an access token names its session', async (t) => {
  const path = '/_matrix/client/v3/account/whoami';
  const { body } = await server.request('GET', path, { token: alice.accessToken });
  t.match(body, { user_id: alice.userId, device_id: alice.deviceId });
  t.match(await server.request('GET', path), { status: 401, body: { errcode: 'M_MISSING_TOKEN' } });
  t.match(await server.request('GET', path, { token: 'x' }), {
    status: 401,
    body: { errcode: 'M_UNKNOWN_TOKEN' },
  });
});
