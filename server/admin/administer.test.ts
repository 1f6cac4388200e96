import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';
import type { AdminRequest } from './admin-request.ts';
import { type ControlAnswer, controlSocketPath } from './control-socket.ts';

const server = await startTestServer(t, { env: { CANDOR_REGISTRATION: 'token' } });
const v3 = '/_matrix/client/v3';
const path = await controlSocketPath(server.dataDir);

const say = async (line: string): Promise<ControlAnswer> => {
  const socket = connect(path);
  socket.end(line);
  return JSON.parse(await text(socket));
};
const ask = async (request: AdminRequest) => {
  const answer = await say(JSON.stringify(request));
  if ('error' in answer) throw new Error(answer.error);
  return answer.answer;
};
const given = async (request: AdminRequest) => {
  const answer = await ask(request);
  if (!('userId' in answer) || answer.password === undefined) throw new Error('no password');
  return { userId: answer.userId, password: answer.password };
};
const login = async (user: string, password: string) => {
  const answer = await server.request('POST', `${v3}/login`, {
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
  });
  return { status: answer.status, token: answer.body.access_token };
};
const createRoom = (token: string) =>
  server.request('POST', `${v3}/createRoom`, { token, body: {} });
const changePassword = (token: string, user: string, from: string, to: string) =>
  server.request('POST', `${v3}/account/password`, {
    token,
    body: {
      new_password: to,
      auth: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user },
        password: from,
      },
    },
  });

t.test(
  'an account made for somebody is theirs once they have a password of their own',
  async (t) => {
    const { userId, password } = await given({
      command: 'create-user',
      name: 'alice',
      isAdmin: true,
    });
    t.equal(userId, `@alice:${server.serverName}`);
    const { token } = await login('alice', password);
    t.match(await createRoom(token), { status: 403, body: { errcode: 'M_USER_SUSPENDED' } });
    const whoami = await server.request('GET', `${v3}/account/whoami`, { token });
    t.equal(whoami.status, 200, 'reading is allowed');
    t.equal((await changePassword(token, 'alice', password, 'my own password')).status, 200);
    t.equal((await createRoom(token)).status, 200);
    t.equal((await login('alice', password)).status, 403);
    const { accounts } = (await ask({ command: 'list-users', after: '' })) as {
      accounts: readonly object[];
    };
    t.match(accounts, [{ userId, isAdmin: true, mustChangePassword: false, isDeactivated: false }]);
    t.match(await say(JSON.stringify({ command: 'create-user', name: 'alice', isAdmin: false })), {
      error: 'The user name is taken',
    });
    t.match(await say(JSON.stringify({ command: 'create-user', name: 'a b', isAdmin: false })), {
      error: /^User names consist of/,
    });
  },
);

t.test('a reset ends the sessions and gives a password to be changed', async (t) => {
  const bob = await server.register('bob', { password: 'bob knows this' });
  const { password } = await given({ command: 'reset-password', user: bob.userId });
  const whoami = await server.request('GET', `${v3}/account/whoami`, { token: bob.accessToken });
  t.match(whoami, { status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } });
  t.equal((await login('bob', 'bob knows this')).status, 403);
  const { token } = await login('bob', password);
  t.equal((await createRoom(token)).status, 403);
  await server.restart();
  t.equal((await createRoom(token)).status, 403, 'also after a restart');
  t.equal((await changePassword(token, 'bob', password, 'another of mine')).status, 200);
  t.equal((await createRoom(token)).status, 200);
  t.notMatch(server.logLines.join(''), password, 'no password is in the log');
});

t.test('a deactivated account is closed for good', async (t) => {
  const carol = await server.register('carol', { password: 'carol knows this' });
  t.strictSame(await ask({ command: 'deactivate', user: 'carol' }), { userId: carol.userId });
  t.equal((await login('carol', 'carol knows this')).status, 403);
  for (const command of ['deactivate', 'reset-password'] as const)
    t.match(await say(JSON.stringify({ command, user: 'carol' })), {
      error: `there is no account ${carol.userId}, or it was deactivated`,
    });
});

t.test('registration tokens are made, used up, listed and revoked', async (t) => {
  const register = (username: string, token: string) =>
    server.request('POST', `${v3}/register`, {
      body: {
        username,
        password: 'long enough',
        auth: { type: 'm.login.registration_token', token },
      },
    });
  const made = (await ask({ command: 'create-token', usesAllowed: 1 })) as { token: string };
  t.equal((await register('dave', made.token)).status, 200);
  t.equal((await register('erin', made.token)).status, 401, 'used up');
  const late = (await ask({ command: 'create-token', expiresAt: 1 })) as { token: string };
  t.equal((await register('erin', late.token)).status, 401, 'expired');
  const listed = (await ask({ command: 'list-tokens' })) as {
    tokens: readonly { token: string }[];
  };
  t.match(
    listed.tokens.find(({ token }) => token === made.token),
    { uses: 1, usesAllowed: 1 },
  );
  t.equal(listed.tokens.length, 2, 'the one of the first administrator is not among them');
  t.strictSame(await ask({ command: 'revoke-token', token: made.token }), made);
  t.match(await say(JSON.stringify({ command: 'revoke-token', token: made.token })), {
    error: 'there is no such token',
  });
  const first = server.firstAdminToken ?? '';
  t.match(await say(JSON.stringify({ command: 'revoke-token', token: first })), {
    error: 'there is no such token',
  });
});

t.test('what is no request is refused, and who breaks off harms nobody', async (t) => {
  t.match(await say('{"command":"grant-all"}'), { error: /does not know the request/ });
  t.match(await say('{"command":"create-user","name":1,"isAdmin":true}'), {
    error: /does not know the request/,
  });
  connect(path).destroy();
  t.match(await ask({ command: 'list-tokens' }), { tokens: Array });
});
