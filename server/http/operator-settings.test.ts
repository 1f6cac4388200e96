import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';

t.test('what the operator does not say is not served', async (t) => {
  const server = await startTestServer(t);
  for (const name of ['support', 'server']) {
    const answer = await server.request('GET', `/.well-known/matrix/${name}`);
    t.match(answer, { status: 404, body: { errcode: 'M_NOT_FOUND' } }, name);
  }
});

t.test('what the operator says is served', async (t) => {
  const server = await startTestServer(t, {
    env: {
      CANDOR_BEHIND_PROXY: 'true',
      CANDOR_FEDERATION_ALLOW: '*.example, ?.example.org',
      CANDOR_FEDERATION_DENY: 'bad.*',
      CANDOR_FEDERATION_DELEGATE_TO: 'matrix.example.org:443',
      CANDOR_METRICS_TOKEN: 'a long token',
      CANDOR_SUPPORT_EMAIL: 'admin@example.org',
      CANDOR_SUPPORT_MATRIX_ID: '@admin:elsewhere.example',
      CANDOR_SUPPORT_PAGE: 'https://example.org/help',
    },
  });
  const support = await server.request('GET', '/.well-known/matrix/support');
  t.strictSame(support.body, {
    contacts: [
      {
        role: 'm.role.admin',
        matrix_id: '@admin:elsewhere.example',
        email_address: 'admin@example.org',
      },
    ],
    support_page: 'https://example.org/help',
  });
  const delegation = await server.request('GET', '/.well-known/matrix/server');
  t.strictSame(delegation.body, { 'm.server': 'matrix.example.org:443' });

  const far = { 'X-Forwarded-For': '203.0.113.9' };
  const metrics = async (authorization?: string) =>
    (
      await server.request('GET', '/metrics', {
        headers: { ...far, ...(authorization && { authorization }) },
      })
    ).status;
  t.equal(await metrics('Bearer a long token'), 200);
  t.equal(await metrics('Bearer another token'), 403);
  t.equal(await metrics('a long token'), 403);
  t.equal(await metrics(), 403);
  t.equal((await server.request('GET', '/metrics')).status, 200, 'this machine needs none');

  const { isAllowed } = server.context.federation;
  for (const name of ['chat.example', 'Chat.Example:8448', 'a.example.org'])
    t.ok(isAllowed(name), name);
  for (const name of ['example', 'ab.example.org', 'a.example.org.net', 'bad.example'])
    t.notOk(isAllowed(name), name);
});

t.test('who listens on every address is found by the server name', async (t) => {
  const server = await startTestServer(t, {
    env: { CANDOR_FEDERATION_LISTEN: '0.0.0.0:0', CANDOR_SERVER_NAME: 'localhost:8448' },
  });
  t.match(server.federationUrl, /^https:\/\/localhost:\d+$/);
});
