import t from 'tap';
import { readConfig } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { startServer } from '../server.ts';
import { prepareServer } from '../testing/prepare-server.ts';
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

t.test('a server with accounts keeps its name', async (t) => {
  const { env } = await prepareServer(t, {});
  const log = createLog({ level: 'silent' });
  const start = async (name: string) => {
    const settings = readConfig({ env: { ...env, CANDOR_SERVER_NAME: name } });
    if (!settings.ok) throw new Error(settings.faults.join());
    return startServer(settings.config, log);
  };
  await (await start('localhost:1')).stop();
  const server = await start('localhost:2');
  const register = { username: 'alice', password: 'long enough', auth: { type: 'm.login.dummy' } };
  const { status } = await fetch(`${server.urls.client}/_matrix/client/v3/register`, {
    method: 'POST',
    body: JSON.stringify(register),
  });
  t.equal(status, 200);
  await server.stop();
  await t.rejects(start('localhost:1'), {
    name: 'OperatorError',
    message: /^server_name: the accounts in this database are of localhost:2/,
  });
  await (await start('localhost:2')).stop();
});
