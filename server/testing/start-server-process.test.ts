import t from 'tap';
import { startServerProcess } from './start-server-process.ts';

t.test('a server that was killed serves on after its next start', async (t) => {
  const server = await startServerProcess(t);
  const alice = await server.register('alice');
  const whoami = () =>
    server.request('GET', '/_matrix/client/v3/account/whoami', { token: alice.accessToken });
  t.equal((await whoami()).status, 200);
  await server.kill();
  await t.rejects(whoami());
  await server.start();
  t.match(await whoami(), { status: 200, body: { user_id: alice.userId } });
  t.equal(await server.stop(), 0, 'told to stop it drains and ends with 0');
  t.equal(server.pid, undefined);
});
