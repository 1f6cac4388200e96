import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');

const call = (method: string, path: string, body?: unknown, user: TestUser = alice) =>
  server.request(method, `/_matrix/client/v3/user/${alice.userId}${path}`, {
    token: user.accessToken,
    body,
  });
const room = '/rooms/!somewhere:example.org';
const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } };

t.test('account data is kept for the account and for a room apart', async (t) => {
  for (const [prefix, value] of [
    ['', 1],
    [room, 2],
  ] as const) {
    const path = `${prefix}/account_data/org.example.thing`;
    t.match(await call('GET', path), notFound);
    t.strictSame((await call('PUT', path, { value })).body, {});
    t.strictSame((await call('GET', path)).body, { value });
    t.strictSame((await call('PUT', path, {})).status, 200);
    t.strictSame((await call('GET', path)).body, {}, 'what is empty is kept, too');
    t.match(await call('PUT', path, { value }, bob), forbidden);
    t.match(await call('GET', path, undefined, bob), forbidden);
    t.match(await call('PUT', path, 'nonsense'), { status: 400, body: { errcode: 'M_NOT_JSON' } });
    t.match(await call('PUT', path, []), { status: 400, body: { errcode: 'M_BAD_JSON' } });
  }
  t.match(await call('PUT', '/rooms/@room:example.org/account_data/x', {}), {
    status: 400,
    body: { errcode: 'M_INVALID_PARAM' },
  });
});

t.test('what the server keeps itself can be read, not set', async (t) => {
  for (const type of ['m.fully_read', 'm.push_rules']) {
    for (const prefix of ['', room]) {
      t.match(await call('PUT', `${prefix}/account_data/${type}`, {}), {
        status: 405,
        body: { errcode: 'M_BAD_JSON' },
      });
    }
  }
  const rules = await call('GET', '/account_data/m.push_rules');
  t.equal(rules.body.global.override[0].rule_id, '.m.rule.master', 'from the first day');
});

t.test('changes are told to the user alone', async (t) => {
  const { notifier, db } = server.context;
  const before = db.clock.committed;
  await call('PUT', `${room}/account_data/org.example.told`, { a: 1 });
  const told = notifier.since(before)?.filter(({ change }) => change.kind === 'accountData');
  t.match(told, [
    {
      change: {
        userId: alice.userId,
        roomId: '!somewhere:example.org',
        type: 'org.example.told',
        wakes: [alice.userId],
      },
    },
  ]);
});

t.test('tags are set, listed and taken away, several at once too', async (t) => {
  t.strictSame((await call('GET', `${room}/tags`)).body, { tags: {} });
  const names = ['m.favourite', 'u.work', 'u.play', '__proto__', 'u.slash/%2F'];
  await Promise.all(
    names.map((name, order) =>
      call('PUT', `${room}/tags/${encodeURIComponent(name)}`, { order: order / 10 }),
    ),
  );
  const { tags } = (await call('GET', `${room}/tags`)).body;
  t.strictSame(Object.keys(tags).sort(), [...names].sort());
  t.strictSame(tags['u.play'], { order: 0.2 });
  t.equal((await call('DELETE', `${room}/tags/u.play`)).status, 200);
  t.equal((await call('DELETE', `${room}/tags/u.never`)).status, 200);
  const left = (await call('GET', `${room}/account_data/m.tag`)).body;
  t.notOk('u.play' in left.tags);
  t.ok('u.work' in left.tags);
  t.match(await call('PUT', `${room}/tags/u.x`, { order: 'first' }), {
    status: 400,
    body: { errcode: 'M_BAD_JSON' },
  });
  for (const [method, path] of [
    ['GET', '/tags'],
    ['PUT', '/tags/u.x'],
    ['DELETE', '/tags/u.work'],
  ] as const) {
    t.match(await call(method, room + path, method === 'PUT' ? {} : undefined, bob), forbidden);
  }
});

t.test('tags of a client that wrote nonsense are none', async (t) => {
  await call('PUT', `${room}/account_data/m.tag`, { tags: { a: 1, b: { order: 'x', c: 2 } } });
  t.strictSame((await call('GET', `${room}/tags`)).body, { tags: { b: { c: 2 } } });
});

t.test('filters are stored once and given back to their user', async (t) => {
  const filter = { room: { timeline: { limit: 5, types: ['m.room.*'] } }, 'org.example': 0.5 };
  const { body } = await call('POST', '/filter', filter);
  t.match(body, { filter_id: String });
  t.equal((await call('POST', '/filter', filter)).body.filter_id, body.filter_id);
  t.not((await call('POST', '/filter', {})).body.filter_id, body.filter_id);
  t.strictSame((await call('GET', `/filter/${body.filter_id}`)).body, filter);
  for (const id of ['77', 'x', '-1', '99999999999']) {
    t.match(await call('GET', `/filter/${id}`), notFound);
  }
  t.match(await call('POST', '/filter', filter, bob), forbidden);
  t.match(await call('GET', `/filter/${body.filter_id}`, undefined, bob), forbidden);
  t.match(await call('POST', '/filter', { room: { timeline: { limit: 'all' } } }), {
    status: 400,
    body: { errcode: 'M_BAD_JSON' },
  });
});

t.test('there is an end to filters', async (t) => {
  await server.context.db.sql
    .insertInto('filters')
    .values({ user_id: alice.userId, filter_id: 999, filter: '' })
    .execute();
  t.match(await call('POST', '/filter', { event_format: 'federation' }), {
    status: 400,
    body: { errcode: 'M_RESOURCE_LIMIT_EXCEEDED' },
  });
});
