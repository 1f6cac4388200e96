import { createHmac } from 'node:crypto';
import t from 'tap';
import { startTestServer } from '../../../testing/start-server.ts';

const path = '/_matrix/client/v3/register';
const dummy = { type: 'm.login.dummy' };

t.test('open registration', async (t) => {
  const server = await startTestServer(t);
  const register = (body: unknown, query = '') => server.request('POST', path + query, { body });

  t.test('asks for a stage first and makes an account and a session after it', async (t) => {
    const account = { username: 'alice', password: 'correct horse', device_id: 'PHONE' };
    const challenge = await register(account);
    t.equal(challenge.status, 401);
    t.notOk('errcode' in challenge.body, 'no stage was tried, so there is no error');
    t.match(challenge.body.flows, [{ stages: ['m.login.dummy'] }]);
    const { session } = challenge.body;
    const { status, body } = await register({ ...account, auth: { ...dummy, session } });
    t.equal(status, 200);
    t.equal(body.user_id, `@alice:${server.serverName}`);
    t.equal(body.device_id, 'PHONE');
    t.notOk('refresh_token' in body);
    const whoami = await server.request('GET', '/_matrix/client/v3/account/whoami', {
      token: body.access_token,
    });
    t.match(whoami.body, { user_id: body.user_id, device_id: 'PHONE' });
  });

  t.test('a session serves one call, with the same parameters', async (t) => {
    const account = { username: 'mallory', password: 'correct horse' };
    const { session } = (await register(account)).body;
    const auth = { ...dummy, session };
    t.match(await register({ ...account, username: 'other', auth }), {
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    });
    t.equal((await register({ ...account, auth })).status, 200);
    t.match(await register({ username: 'mallory2', password: 'correct horse', auth }), {
      status: 401,
      body: { errcode: 'M_FORBIDDEN', session: String },
    });
  });

  t.test('inhibit_login makes no session, refresh_token an expiring one', async (t) => {
    const account = { password: 'correct horse', auth: dummy };
    const quiet = await register({ ...account, username: 'bob', inhibit_login: true });
    t.strictSame(Object.keys(quiet.body).sort(), ['home_server', 'user_id']);
    const fresh = await register({ ...account, username: 'carol', refresh_token: true });
    t.match(fresh.body, { refresh_token: String, expires_in_ms: Number, device_id: String });
  });

  t.test('without a user name the server chooses one', async (t) => {
    const { status, body } = await register({ password: 'correct horse', auth: dummy });
    t.equal(status, 200);
    t.match(body.user_id, /^@[0-9a-f]{16}:/);
  });

  t.test('writes capitals small', async (t) => {
    const { body } = await register({ username: 'Frank', password: 'correct horse', auth: dummy });
    t.equal(body.user_id, `@frank:${server.serverName}`);
  });

  t.test('refuses names that are taken or not allowed, weak passwords and guests', async (t) => {
    const account = { username: 'dave', password: 'correct horse', auth: dummy };
    t.equal((await register(account)).status, 200);
    for (const [change, query, status, errcode] of [
      [{}, '', 400, 'M_USER_IN_USE'],
      [{ username: 'Dave' }, '', 400, 'M_USER_IN_USE'],
      [{ username: '\u212Aim' }, '', 400, 'M_INVALID_USERNAME'],
      [{ username: 'da ve' }, '', 400, 'M_INVALID_USERNAME'],
      [{ username: '' }, '', 400, 'M_INVALID_USERNAME'],
      [{ username: 'x'.repeat(250) }, '', 400, 'M_INVALID_USERNAME'],
      [{ username: 'erin', password: 'short' }, '', 400, 'M_WEAK_PASSWORD'],
      [{ username: 'erin', password: undefined }, '', 400, 'M_MISSING_PARAM'],
      [{ username: 7 }, '', 400, 'M_BAD_JSON'],
      [{ username: 'erin' }, '?kind=guest', 403, 'M_GUEST_ACCESS_FORBIDDEN'],
      [{ username: 'erin' }, '?kind=cat', 400, 'M_INVALID_PARAM'],
    ] as const) {
      const answer = await register({ ...account, ...change }, query);
      t.match(answer, { status, body: { errcode } }, JSON.stringify(change));
    }
    t.match(await register('{'), { status: 400, body: { errcode: 'M_NOT_JSON' } });
    t.match(await register('[]'), { status: 400, body: { errcode: 'M_BAD_JSON' } });
  });

  t.test('tells which names are free', async (t) => {
    const available = (name: string) =>
      server.request('GET', `${path}/available?username=${encodeURIComponent(name)}`);
    t.match(await available('nobody'), { status: 200, body: { available: true } });
    t.match(await available('alice'), { status: 400, body: { errcode: 'M_USER_IN_USE' } });
    t.match(await available('#'), { status: 400, body: { errcode: 'M_INVALID_USERNAME' } });
    t.match(await server.request('GET', `${path}/available`), {
      status: 400,
      body: { errcode: 'M_MISSING_PARAM' },
    });
  });

  t.test('two requests for one name make one account', async (t) => {
    const account = { username: 'twin', password: 'correct horse', auth: dummy };
    const answers = await Promise.all([register(account), register(account)]);
    t.strictSame(answers.map(({ status }) => status).sort(), [200, 400]);
  });

  t.test('the shared secret is not there unless it is set', async (t) => {
    t.match(await server.request('GET', '/_synapse/admin/v1/register'), {
      status: 400,
      body: { errcode: 'M_UNKNOWN' },
    });
  });
});

t.test('registration with a token', async (t) => {
  const server = await startTestServer(t, {
    env: { CANDOR_REGISTRATION: 'token', CANDOR_REGISTRATION_SHARED_SECRET: 'hush' },
  });
  const register = (body: unknown) => server.request('POST', path, { body });
  const type = 'm.login.registration_token';

  t.test('the first token makes an administrator, once', async (t) => {
    const token = server.firstAdminToken;
    const validity = (token?: string) =>
      server.request(
        'GET',
        `/_matrix/client/v1/register/m.login.registration_token/validity?token=${token}`,
      );
    t.match(await validity(token), { status: 200, body: { valid: true } });
    const account = { username: 'root', password: 'correct horse' };
    const { body } = await register({ ...account, auth: dummy });
    t.match(body, { errcode: 'M_FORBIDDEN', flows: [{ stages: [type] }] });
    const { session } = body;
    t.match(await register({ ...account, auth: { type, session, token: 'wrong' } }), {
      status: 401,
      body: { errcode: 'M_FORBIDDEN', session },
    });
    const made = await register({ ...account, auth: { type, session, token } });
    t.equal(made.status, 200);
    const found = await server.context.accounts.sessions.find(made.body.access_token);
    t.equal(found?.isAdmin, true);
    t.match(await validity(token), { status: 200, body: { valid: false } });
    t.match(await register({ username: 'two', password: 'correct horse', auth: { type, token } }), {
      status: 401,
    });
    await server.restart();
    t.equal((await server.register('after')).userId, `@after:${server.serverName}`);
  });

  t.test('the shared secret makes accounts, administrators too', async (t) => {
    const secretPath = '/_synapse/admin/v1/register';
    const nonce = async () => (await server.request('GET', secretPath)).body.nonce as string;
    const mac = (secret: string, parts: readonly string[]) =>
      createHmac('sha1', secret).update(parts.join('\0')).digest('hex');
    const post = (body: unknown) => server.request('POST', secretPath, { body });

    const one = await nonce();
    const account = { nonce: one, username: 'ops', password: 'correct horse', admin: true };
    const good = mac('hush', [one, 'ops', 'correct horse', 'admin']);
    const made = await post({ ...account, mac: good });
    t.match(made, { status: 200, body: { user_id: `@ops:${server.serverName}` } });
    t.equal((await server.context.accounts.sessions.find(made.body.access_token))?.isAdmin, true);
    t.match(await post({ ...account, mac: good }), { status: 400 }, 'a nonce is good once');
    const two = await nonce();
    const bad = mac('guess', [two, 'ops2', 'correct horse', 'notadmin']);
    t.match(await post({ nonce: two, username: 'ops2', password: 'correct horse', mac: bad }), {
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    });
    t.match(await post({ nonce: await nonce(), username: 'ops2', password: 'x', mac: 'zz' }), {
      status: 403,
    });
    t.match(await post({}), { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
  });
});

t.test('closed registration', async (t) => {
  const server = await startTestServer(t, { env: { CANDOR_REGISTRATION: 'closed' } });
  t.match(
    await server.request('POST', path, { body: { username: 'a', password: 'correct horse' } }),
    { status: 403, body: { errcode: 'M_FORBIDDEN' } },
  );
});
