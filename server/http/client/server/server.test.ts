import t from 'tap';
import { tokenHash } from '../../../accounts/token.ts';
import { readOpenIdUser } from '../../../storage/openid-tokens.ts';
import { startTestServer } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');

const get = (path: string) =>
  server.request('GET', `/_matrix/client/v3${path}`, { token: alice.accessToken });

t.test('there are no TURN servers and no bridges to tell of', async (t) => {
  for (const path of ['/voip/turnServer', '/thirdparty/protocols']) {
    t.match(await get(path), { status: 200 });
    t.strictSame((await get(path)).body, {});
    const anonymous = await server.request('GET', `/_matrix/client/v3${path}`);
    t.match(anonymous, { status: 401, body: { errcode: 'M_MISSING_TOKEN' } });
  }
});

t.test('an OpenID token proves who its user is for an hour, and opens nothing', async (t) => {
  const ask = (userId: string) =>
    server.request('POST', `/_matrix/client/v3/user/${userId}/openid/request_token`, {
      token: alice.accessToken,
      body: {},
    });
  const { body } = await ask(alice.userId);
  t.match(body, {
    access_token: String,
    token_type: 'Bearer',
    matrix_server_name: server.serverName,
    expires_in: 3600,
  });
  const { db } = server.context;
  const hash = tokenHash(body.access_token);
  t.equal(await readOpenIdUser(db, hash, Date.now()), alice.userId);
  t.equal(await readOpenIdUser(db, hash, Date.now() + 3_700_000), undefined);
  const whoami = await server.request('GET', '/_matrix/client/v3/account/whoami', {
    token: body.access_token,
  });
  t.equal(whoami.status, 401);
  const close = (at: number | null) =>
    db.sql
      .updateTable('users')
      .set({ deactivated_at: at })
      .where('user_id', '=', alice.userId)
      .execute();
  await close(1);
  t.equal(await readOpenIdUser(db, hash, Date.now()), undefined, 'the account is closed');
  await close(null);
  t.match(await ask(`@bob:${server.serverName}`), {
    status: 403,
    body: { errcode: 'M_FORBIDDEN' },
  });
});
