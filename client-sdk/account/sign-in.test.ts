import t, { type Test } from 'tap';
import { openMemoryStore } from '../stores/memory-store.ts';
import { startHomeserver } from '../testing/start-homeserver.ts';
import { logIn } from './sign-in.ts';

/** A homeserver that signs everybody in as this user, and what it was asked. */
const startWith = (t: Test, session: object) =>
  startHomeserver(t, ({ url }) => ({ body: url.endsWith('/login') ? session : {} }));

const session = { user_id: '@alice:a.example', device_id: 'PHONE', access_token: 'secret' };
const optionsOf = (homeserver: string) =>
  ({ homeserver, user: 'alice', password: 'x', store: 'memory' }) as const;

t.test('a store goes on with its device', async (t) => {
  const { baseUrl, asked } = await startWith(t, session);
  const store = openMemoryStore();
  await logIn(optionsOf(baseUrl), store);
  store.transaction((tx) =>
    tx.put('account', { ...tx.all('account')[0], syncToken: 's1' } as never),
  );
  const account = await logIn(optionsOf(baseUrl), store);
  t.match(account, { userId: '@alice:a.example', deviceId: 'PHONE', syncToken: 's1' });
  t.notMatch(asked[0]?.body, { device_id: 'PHONE' });
  t.match(asked[1]?.body, { device_id: 'PHONE' });
});

t.test('a session that the store cannot hold is not left behind', async (t) => {
  const store = openMemoryStore();
  const first = await startWith(t, session);
  await logIn(optionsOf(first.baseUrl), store);
  const other = { ...session, user_id: '@bob:a.example', access_token: 'of bob' };
  const second = await startWith(t, other);
  await t.rejects(logIn(optionsOf(second.baseUrl), store), { code: 'wrong-account' });
  t.same(
    second.asked.map(({ url, token }) => [url, token]),
    [
      ['/_matrix/client/v3/login', undefined],
      ['/_matrix/client/v3/logout', 'Bearer of bob'],
    ],
  );
  t.match(store.all('account'), [{ userId: '@alice:a.example', accessToken: 'secret' }]);
});
