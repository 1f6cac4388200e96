import t from 'tap';
import { startDeployment } from './deployment.ts';
import { sendRequest } from './send-request.ts';

t.setTimeout(300_000);

t.test('a pair of servers registers people, is killed, starts again and stops', async (t) => {
  const pair = await startDeployment({ capture: true });
  t.teardown(pair.stop);
  const [first] = pair.servers;
  const alice = await first.register('alice');
  const bob = await pair.other.register('bob', { admin: true });
  t.equal(alice.userId, `@alice:${first.serverName}`);
  t.equal(bob.userId, `@bob:${pair.other.serverName}`);
  await t.rejects(first.register('alice'), /M_USER_IN_USE/);

  const whoami = () =>
    sendRequest(`${first.url}/_matrix/client/v3/account/whoami`, { token: alice.accessToken });
  t.match(await whoami(), { status: 200, json: { user_id: alice.userId } });
  await first.kill();
  t.equal(first.pid, undefined);
  await t.rejects(whoami());
  await first.start();
  t.match(await whoami(), { status: 200, json: { user_id: alice.userId } });

  const keys = await sendRequest(`https://${pair.other.serverName}/_matrix/key/v2/server`, {
    ca: pair.authority.cert,
  });
  t.match(keys, { status: 200, json: { server_name: pair.other.serverName } });
  const [captured] = pair.captured.filter(({ to }) => to === pair.other.serverName);
  t.equal(captured?.path, '/_matrix/key/v2/server');
  t.ok(captured?.answer.equals(keys.bytes), 'the capture holds the bytes of the answer');
  t.match(await first.logs(), 'Candor serves');
  t.equal(await first.stop(), 0);
});
