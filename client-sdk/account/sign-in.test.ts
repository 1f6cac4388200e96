import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { openMemoryStore } from '../stores/memory-store.ts';
import { logIn } from './sign-in.ts';

/** A homeserver that signs everybody in as this user, and what it was asked. */
const startHomeserver = async (t: Test, session: object) => {
  const asked: [url: string, token: string | undefined, body: unknown][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { url = '', headers } = request;
    const text = Buffer.concat(chunks).toString();
    asked.push([url, headers.authorization, text === '' ? undefined : JSON.parse(text)]);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(url.endsWith('/login') ? session : {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { homeserver: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
};

const session = { user_id: '@alice:a.example', device_id: 'PHONE', access_token: 'secret' };
const optionsOf = (homeserver: string) =>
  ({ homeserver, user: 'alice', password: 'x', store: 'memory' }) as const;

t.test('a store goes on with its device', async (t) => {
  const { homeserver, asked } = await startHomeserver(t, session);
  const store = openMemoryStore();
  await logIn(optionsOf(homeserver), store);
  store.transaction((tx) =>
    tx.put('account', { ...tx.all('account')[0], syncToken: 's1' } as never),
  );
  const account = await logIn(optionsOf(homeserver), store);
  t.match(account, { userId: '@alice:a.example', deviceId: 'PHONE', syncToken: 's1' });
  t.notMatch(asked[0]?.[2], { device_id: 'PHONE' });
  t.match(asked[1]?.[2], { device_id: 'PHONE' });
});

t.test('a session that the store cannot hold is not left behind', async (t) => {
  const store = openMemoryStore();
  const first = await startHomeserver(t, session);
  await logIn(optionsOf(first.homeserver), store);
  const other = { ...session, user_id: '@bob:a.example', access_token: 'of bob' };
  const second = await startHomeserver(t, other);
  await t.rejects(logIn(optionsOf(second.homeserver), store), { code: 'wrong-account' });
  t.same(
    second.asked.map(([url, token]) => [url, token]),
    [
      ['/_matrix/client/v3/login', undefined],
      ['/_matrix/client/v3/logout', 'Bearer of bob'],
    ],
  );
  t.match(store.all('account'), [{ userId: '@alice:a.example', accessToken: 'secret' }]);
});
