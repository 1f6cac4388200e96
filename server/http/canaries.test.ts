import { createHmac } from 'node:crypto';
import { Writable } from 'node:stream';
import pg from 'pg';
import t from 'tap';
import { exportDatabase } from '../storage/export-database.ts';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

// Words that must not be found again: secrets neither in the log nor in the database, what people say not in the log.
const enc = encodeURIComponent;
const client = '/_matrix/client/v3';
const sharedSecret = 'canary-shared-secret';
const network = await startTestNetwork(t, 2, {
  env: {
    CANDOR_LOG_LEVEL: 'trace',
    CANDOR_REGISTRATION_SHARED_SECRET: sharedSecret,
  },
});
const [here, there] = network;

const dumpOf = async ({ databaseUrl }: TestServer): Promise<string> => {
  const parts: string[] = [];
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      parts.push(String(chunk));
      done();
    },
  });
  await exportDatabase({ connectionString: databaseUrl }, out);
  return parts.join('');
};

const logOf = ({ logLines }: TestServer): string => logLines.join('');

t.test('no secret is in the log or in the database', async (t) => {
  const secrets: Record<string, string> = {};
  const keep = (name: string, value: unknown) => {
    if (typeof value !== 'string') throw new Error(`${name} is none`);
    secrets[name] = value;
  };
  const post = (path: string, body: unknown, token?: string) =>
    here.request('POST', path, { body, ...(token !== undefined && { token }) });
  const password = 'canary-password-1';
  keep('password', password);
  const made = await post(`${client}/register`, {
    username: 'canary',
    password,
    refresh_token: true,
    auth: { type: 'm.login.dummy' },
  });
  t.equal(made.status, 200);
  keep('access token', made.body.access_token);
  keep('refresh token', made.body.refresh_token);
  const user = made.body.user_id;
  const refreshed = await post(`${client}/refresh`, { refresh_token: made.body.refresh_token });
  keep('second access token', refreshed.body.access_token);
  keep('second refresh token', refreshed.body.refresh_token);
  const token = refreshed.body.access_token;
  t.equal(
    (await here.request('GET', `${client}/account/whoami?access_token=${token}`)).status,
    200,
  );
  t.equal(
    (await post(`${client}/refresh`, { refresh_token: made.body.refresh_token })).status,
    401,
  );
  const login = (tried: string, more = {}) =>
    post(`${client}/login`, { type: 'm.login.password', user, password: tried, ...more });
  keep('wrong password', 'canary-wrong-password');
  t.equal((await login('canary-wrong-password')).status, 403);
  const session = await login(password);
  keep('access token of the login', session.body.access_token);
  keep('new password', 'canary-password-2');
  const challenge = { new_password: 'canary-password-2' };
  const path = `${client}/account/password`;
  const asked = await post(path, challenge, session.body.access_token);
  const auth = { type: 'm.login.password', user, password, session: asked.body.session };
  t.equal((await post(path, { ...challenge, auth }, session.body.access_token)).status, 200);
  const openId = await post(
    `${client}/user/${enc(user)}/openid/request_token`,
    {},
    session.body.access_token,
  );
  keep('OpenID token', openId.body.access_token);
  const userinfo = `/_matrix/federation/v1/openid/userinfo?access_token=${openId.body.access_token}`;
  await fetch(`https://${here.serverName}${userinfo}`).catch(() => undefined);

  keep('shared secret', sharedSecret);
  const admin = '/_synapse/admin/v1/register';
  const { nonce } = (await here.request('GET', admin)).body;
  keep('password of the shared secret', 'canary-password-3');
  const text = [nonce, 'hmac', 'canary-password-3', 'notadmin'].join('\0');
  const mac = createHmac('sha1', sharedSecret).update(text).digest('hex');
  const registered = { nonce, username: 'hmac', password: 'canary-password-3', mac };
  t.equal((await post(admin, registered)).status, 200);

  keep('password in a broken body', 'canary-broken-body');
  t.equal((await post(`${client}/login`, '{"password":canary-broken-body}')).status, 400);
  t.equal((await post(`${client}/login`, { password: ['canary-broken-body'] })).status, 400);
  keep('a token that is none', 'canary-unknown-token');
  t.equal(
    (await here.request('GET', `${client}/sync`, { token: 'canary-unknown-token' })).status,
    401,
  );
  t.equal(
    (await here.request('GET', `${client}/sync?access_token=canary-unknown-token`)).status,
    401,
  );
  const socket = new WebSocket(
    `${here.url.replace('http', 'ws')}/_matrix/client/unstable/dev.candor.ws/sync`,
    ['dev.candor.sync.v1', 'dev.candor.access_token.canary-unknown-token'],
  );
  await new Promise((resolve) => socket.addEventListener('error', resolve));

  const [dump, log] = [await dumpOf(here), logOf(here)];
  t.match(dump, '$argon2id$', 'the dump is of everything');
  t.match(log, '"operationId":"login"', 'the log says everything');
  for (const [name, secret] of Object.entries(secrets)) {
    t.notOk(log.includes(secret), `${name}: log`);
    if (name !== 'shared secret') t.notOk(dump.includes(secret), `${name}: database`);
  }
});

t.test('nothing that people say or send is in the log, also when it fails', async (t) => {
  const alice = await person(here, 'alice');
  const bob = await person(there, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'canary-name' });
  await bob.join(roomId, here);
  const said = await alice.say(roomId, 'canary-message');
  await arrives(there, said);
  await alice.setState(roomId, 'm.room.topic', { topic: 'canary-topic' });
  await alice.insist('PUT', `/rooms/${enc(roomId)}/redact/${enc(said)}/r1`, {
    reason: 'canary-reason',
  });
  await alice.insist('PUT', `/sendToDevice/x.type/t1`, {
    messages: { [bob.userId]: { '*': { secret: 'canary-device' } } },
  });
  await alice.insist('PUT', `/user/${enc(alice.userId)}/account_data/x.mine`, { a: 'canary-data' });
  await alice.insist('PUT', `/profile/${enc(alice.userId)}/displayname`, {
    displayname: 'canary-person',
  });
  await here.request('POST', '/_matrix/media/v3/upload?filename=canary-file.txt', {
    token: alice.accessToken,
    body: 'canary-bytes',
  });
  await alice.request(
    'PUT',
    `/rooms/${enc(roomId)}/send/m.room.message/n`,
    '{"body": canary-broken',
  );
  await alice.request('PUT', `/rooms/${enc(roomId)}/send/m.room.message/n`, {
    body: 'canary-nul\0',
  });
  await alice.request('PUT', `/rooms/${enc(roomId)}/state/x.y/canary-nul\0`, { body: 'x' });
  await alice.request('GET', `/rooms/${enc(roomId)}/messages?filter=${enc('{"canary-filter')}`);
  // The database refuses what it is given, row and all.
  const database = new pg.Client({ connectionString: here.databaseUrl });
  await database.connect();
  await database.query(
    'ALTER TABLE account_data ADD CONSTRAINT none CHECK (position < 0) NOT VALID',
  );
  await database.end();
  const before = here.logLines.length;
  const failed = await alice.request('PUT', `/user/${enc(alice.userId)}/account_data/x.mine`, {
    a: 'canary-row',
  });
  t.equal(failed.status, 500);
  t.match(here.logLines.slice(before).join(''), 'request failed');
  await until(async () => logOf(there).includes('"operationId":"sendTransaction"'));
  for (const server of network) t.notMatch(logOf(server), /canary-/);
});
