import t from 'tap';
import { checkPassword } from '../../../accounts/password.ts';
import { readAccount } from '../../../storage/accounts.ts';
import { startTestServer } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const password = 'correct horse';
const alice = await server.register('alice', { password });

const post = (path: string, body?: unknown, token?: string) =>
  server.request('POST', `/_matrix/client/v3${path}`, { body, ...(token && { token }) });
const whoami = (token: string) =>
  server.request('GET', '/_matrix/client/v3/account/whoami', { token });
const login = (change: object = {}) =>
  post('/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'alice' },
    password,
    ...change,
  });

t.test('lists the ways to log in', async (t) => {
  const { body } = await server.request('GET', '/_matrix/client/v3/login');
  t.match(body, { flows: [{ type: 'm.login.password' }] });
});

t.test('every form of a user name logs in', async (t) => {
  for (const change of [
    {},
    { identifier: { type: 'm.id.user', user: alice.userId } },
    { identifier: { type: 'm.id.user', user: 'Alice' } },
    { identifier: { type: 'm.id.user', user: alice.userId.replace('alice', 'ALICE') } },
    { identifier: undefined, user: 'alice' },
    { identifier: undefined, user: alice.userId },
  ]) {
    const { status, body } = await login(change);
    t.equal(status, 200, JSON.stringify(change));
    t.match((await whoami(body.access_token)).body, { user_id: alice.userId });
  }
});

t.test('a login that is wrong says nothing about the account', async (t) => {
  const refused = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
  const wrong = await login({ password: 'wrong' });
  t.match(wrong, refused);
  for (const user of ['nobody', '@alice:elsewhere.test', '@', '\0', '@alice', 'a:b', '']) {
    const answer = await login({ identifier: { type: 'm.id.user', user } });
    t.match(answer, refused, JSON.stringify(user));
    t.strictSame(answer.body, wrong.body, 'the same words');
  }
  const passwordless = await server.register('robot');
  t.match(await login({ user: passwordless.userId, identifier: undefined }), refused);
  t.match(await login({ identifier: { type: 'm.id.thirdparty', medium: 'email' } }), refused);
});

t.test('a login that is malformed is told so', async (t) => {
  for (const [change, errcode] of [
    [{ type: undefined }, 'M_MISSING_PARAM'],
    [{ type: 'm.login.sso' }, 'M_UNKNOWN'],
    [{ password: undefined }, 'M_MISSING_PARAM'],
    [{ identifier: undefined }, 'M_MISSING_PARAM'],
    [{ password: 5 }, 'M_BAD_JSON'],
    [{ password: 'x'.repeat(5_000) }, 'M_BAD_JSON'],
    [{ device_id: '' }, 'M_BAD_JSON'],
  ] as const) {
    t.match(
      await login(change),
      { status: 400, body: { errcode } },
      JSON.stringify(change).slice(0, 80),
    );
  }
});

t.test('passwords are kept with Argon2id, 64 MiB, 3 passes, 4 lanes', async (t) => {
  const account = await readAccount(server.context.db, alice.userId);
  t.match(account?.passwordHash, /^\$argon2id\$v=19\$m=65536,p=4,t=3\$/);
  t.notMatch(server.logLines.join(''), password);
});

t.test('a hash with lower parameters is made anew at the next login', async (t) => {
  const { hash } = await import('argon2');
  const weak = await hash(password, { timeCost: 2, memoryCost: 8_192, parallelism: 1 });
  t.match(await checkPassword(password, weak), { matches: true, isOutdated: true });
  await server.context.db.sql
    .updateTable('users')
    .set({ password_hash: weak })
    .where('user_id', '=', alice.userId)
    .execute();
  t.equal((await login()).status, 200);
  const account = await readAccount(server.context.db, alice.userId);
  t.match(account?.passwordHash, /m=65536,p=4,t=3/);
  t.equal((await login()).status, 200);
});

t.test('a device that is used again keeps its name and loses its tokens', async (t) => {
  const first = await login({ device_id: 'TABLET', initial_device_display_name: 'Tablet' });
  t.equal((await whoami(first.body.access_token)).status, 200);
  const second = await login({ device_id: 'TABLET', initial_device_display_name: 'Other' });
  t.match(await whoami(first.body.access_token), {
    status: 401,
    body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: undefined },
  });
  const devices = await server.request('GET', '/_matrix/client/v3/devices/TABLET', {
    token: second.body.access_token,
  });
  t.match(devices.body, { device_id: 'TABLET', display_name: 'Tablet' });
});

t.test('logout ends this session, logout/all every one', async (t) => {
  const [one, two, three] = [await login(), await login(), await login()].map(({ body }) => body);
  t.equal((await whoami(one.access_token)).status, 200);
  t.equal((await post('/logout', {}, one.access_token)).status, 200);
  t.match((await whoami(one.access_token)).body, { errcode: 'M_UNKNOWN_TOKEN' });
  t.equal((await whoami(two.access_token)).status, 200);
  t.equal((await post('/logout/all', undefined, two.access_token)).status, 200);
  for (const { access_token } of [two, three]) {
    t.match((await whoami(access_token)).body, { errcode: 'M_UNKNOWN_TOKEN' });
  }
  t.match(await post('/logout', {}), { status: 401, body: { errcode: 'M_MISSING_TOKEN' } });
});

t.test('a logout that meets requests of its session ends it all the same', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const user = await server.register(`racer${round}`);
    const asking = [whoami(user.accessToken), whoami(user.accessToken)];
    const leaving = post('/logout', {}, user.accessToken);
    asking.push(whoami(user.accessToken));
    await Promise.all([...asking, leaving]);
    t.equal((await whoami(user.accessToken)).status, 401);
  }
});

t.test('an access token comes by header, or by the deprecated query parameter', async (t) => {
  const { body } = await login();
  const path = '/_matrix/client/v3/account/whoami';
  const byQuery = await server.request('GET', `${path}?access_token=${body.access_token}`);
  t.equal(byQuery.status, 200);
  const get = (authorization: string) =>
    server.request('GET', path, { headers: { Authorization: authorization } });
  t.equal((await get(`bearer ${body.access_token}`)).status, 200);
  t.match((await get(`Basic ${body.access_token}`)).body, { errcode: 'M_MISSING_TOKEN' });
  t.match((await get('Bearer')).body, { errcode: 'M_MISSING_TOKEN' });
  t.notMatch(server.logLines.join(''), body.access_token);
});

t.test('refreshing', async (t) => {
  const begin = async () => (await login({ refresh_token: true })).body;
  const refresh = (token: string) => post('/refresh', { refresh_token: token });

  t.test('gives new tokens, and the old ones end when the new are used', async (t) => {
    const first = await begin();
    t.match(first, { expires_in_ms: 3_600_000 });
    const lost = (await refresh(first.refresh_token)).body;
    const again = await refresh(first.refresh_token);
    t.equal(again.status, 200, 'the answer may have been lost');
    t.equal((await whoami(lost.access_token)).status, 401, 'what was lost is void');
    t.equal((await whoami(again.body.access_token)).status, 200);
    const stolen = await refresh(first.refresh_token);
    t.match(stolen, { status: 401, body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true } });
    t.equal((await whoami(again.body.access_token)).status, 401, 'the whole session has ended');
    t.equal((await refresh(again.body.refresh_token)).status, 401);
  });

  t.test('the use of the new refresh token ends the old one, too', async (t) => {
    const first = await begin();
    const second = (await refresh(first.refresh_token)).body;
    const third = await refresh(second.refresh_token);
    t.equal(third.status, 200);
    t.equal((await refresh(first.refresh_token)).status, 401);
    t.equal((await whoami(third.body.access_token)).status, 401);
  });

  t.test('an expired access token is a soft logout', async (t) => {
    const { access_token, device_id } = await begin();
    await server.context.db.sql
      .updateTable('access_tokens')
      .set({ expires_at: Date.now() - 1 })
      .where('device_id', '=', device_id)
      .execute();
    t.match(await whoami(access_token), {
      status: 401,
      body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true },
    });
  });

  t.test('an unknown or missing token is refused', async (t) => {
    t.match(await refresh('nothing'), { status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } });
    t.match(await post('/refresh', {}), { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
    const { refresh_token } = await begin();
    t.match(await whoami(refresh_token), { status: 401 }, 'it opens nothing itself');
  });

  t.test('two refreshes at once leave one good pair', async (t) => {
    const { refresh_token } = await begin();
    const answers = await Promise.all([refresh(refresh_token), refresh(refresh_token)]);
    const tokens = answers.map(({ body }) => body.access_token as string);
    const statuses = [];
    for (const token of tokens) statuses.push((await whoami(token)).status);
    t.strictSame(statuses.sort(), [200, 401]);
  });

  t.test('a first use that meets a second refresh leaves no token half alive', async (t) => {
    for (let round = 0; round < 8; round += 1) {
      const { refresh_token } = await begin();
      const first = (await refresh(refresh_token)).body;
      const uses = [whoami(first.access_token), whoami(first.access_token)];
      const second = await refresh(refresh_token);
      await Promise.all(uses);
      const isFirstGood = (await whoami(first.access_token)).status === 200;
      t.equal(isFirstGood && second.status === 200, false, 'one of them has lost');
    }
  });
});

t.test('tokens are kept as hashes only', async (t) => {
  const { body } = await login({ refresh_token: true });
  for (const table of ['access_tokens', 'refresh_tokens'] as const) {
    const rows = await server.context.db.sql.selectFrom(table).selectAll().execute();
    const text = JSON.stringify(rows.map((row) => Object.values(row).map(String)));
    t.ok(rows.length > 0);
    t.notMatch(text, body.access_token);
    t.notMatch(text, body.refresh_token);
  }
});

t.test('locked and suspended accounts', async (t) => {
  const bob = await server.register('bob', { password });
  const set = async (columns: { is_locked?: boolean; is_suspended?: boolean }) => {
    const { db } = server.context;
    await db.sql.updateTable('users').set(columns).where('user_id', '=', bob.userId).execute();
    const { transact } = await import('../../../storage/database.ts');
    await transact(db, async (tx) => {
      tx.tell({ kind: 'accountChanged', userId: bob.userId, wakes: [] });
    });
  };
  const locked = { status: 401, body: { errcode: 'M_USER_LOCKED', soft_logout: true } };
  const { body: session } = await post('/login', {
    type: 'm.login.password',
    user: 'bob',
    password,
    refresh_token: true,
  });
  t.equal((await whoami(bob.accessToken)).status, 200);
  await set({ is_locked: true });
  t.match(await whoami(bob.accessToken), locked, 'a token in memory is no way round');
  t.match(await post('/refresh', { refresh_token: session.refresh_token }), locked);
  const loginBody = { type: 'm.login.password', user: 'bob' };
  t.match(await post('/login', { ...loginBody, password }), locked);
  t.match(await post('/login', { ...loginBody, password: 'wrong' }), { status: 403 });
  t.equal((await post('/logout', {}, session.access_token)).status, 200);
  await set({ is_locked: false, is_suspended: true });
  t.equal((await whoami(bob.accessToken)).status, 200, 'reading is allowed');
  t.equal((await post('/login', { ...loginBody, password })).status, 200);
  const rename = () =>
    server.request('PUT', `/_matrix/client/v3/profile/${bob.userId}/displayname`, {
      token: bob.accessToken,
      body: { displayname: 'Robert' },
    });
  t.match(await rename(), { status: 403, body: { errcode: 'M_USER_SUSPENDED' } });
  await set({ is_suspended: false });
  t.equal((await rename()).status, 200);
});
