import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);

const callAs = (user: TestUser) => (method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client/v3/pushrules${path}`, { token: user.accessToken, body });
const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } };
const ids = (rules: { rule_id: string }[]) => rules.map((rule) => rule.rule_id);

t.test('a new user has the predefined rules, with and without a last slash', async (t) => {
  const alice = await server.register('alice');
  const call = callAs(alice);
  const { body } = await call('GET', '/');
  t.strictSame((await call('GET', '')).body, body);
  t.strictSame((await call('GET', '/global/')).body, body.global);
  t.strictSame((await call('GET', '/global')).body, body.global);
  t.strictSame(ids(body.global.override), [
    '.m.rule.master',
    '.m.rule.suppress_notices',
    '.m.rule.invite_for_me',
    '.m.rule.member_event',
    '.m.rule.is_user_mention',
    '.m.rule.is_room_mention',
    '.m.rule.tombstone',
    '.m.rule.reaction',
    '.m.rule.room.server_acl',
    '.m.rule.suppress_edits',
  ]);
  t.strictSame(ids(body.global.underride), [
    '.m.rule.call',
    '.m.rule.encrypted_room_one_to_one',
    '.m.rule.room_one_to_one',
    '.m.rule.message',
    '.m.rule.encrypted',
  ]);
  const mention = await call('GET', '/global/override/.m.rule.is_user_mention');
  t.strictSame(mention.body, {
    rule_id: '.m.rule.is_user_mention',
    default: true,
    enabled: true,
    conditions: [
      {
        kind: 'event_property_contains',
        key: 'content.m\\.mentions.user_ids',
        value: alice.userId,
      },
    ],
    actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
  });
});

t.test('predefined rules are switched and given other actions, not deleted', async (t) => {
  const call = callAs(await server.register('bob'));
  const master = '/global/override/.m.rule.master';
  t.strictSame((await call('GET', `${master}/enabled`)).body, { enabled: false });
  t.strictSame((await call('PUT', `${master}/enabled`, { enabled: true })).body, {});
  t.strictSame((await call('GET', `${master}/enabled`)).body, { enabled: true });
  const message = '/global/underride/.m.rule.message';
  t.equal((await call('PUT', `${message}/actions`, { actions: [] })).status, 200);
  t.strictSame((await call('GET', `${message}/actions`)).body, { actions: [] });
  t.match((await call('GET', message)).body, { default: true, enabled: true });
  const refused = { status: 400, body: { errcode: 'M_INVALID_PARAM' } };
  t.match(await call('DELETE', master), refused);
  t.match(await call('PUT', master, { actions: [] }), refused);
});

t.test('rules of the user stand where they are asked to', async (t) => {
  const call = callAs(await server.register('carol'));
  const put = (name: string, query = '') =>
    call('PUT', `/global/override/${name}${query}`, { actions: ['notify'], conditions: [] });
  const own = async () => {
    const all = ids((await call('GET', '/global/')).body.override);
    t.equal(all[0], '.m.rule.master', 'the master goes first');
    const found = all.filter((id) => !id.startsWith('.'));
    t.strictSame(all.slice(1, 1 + found.length), found, 'then those of the user');
    return found.join('');
  };
  for (const name of ['a', 'b', 'c']) t.equal((await put(name)).status, 200);
  t.equal(await own(), 'cba');
  await put('d', '?before=b');
  t.equal(await own(), 'cdba');
  await put('e', '?after=b');
  t.equal(await own(), 'cdbea');
  await put('c', '?after=a');
  t.equal(await own(), 'dbeac', 'a rule that is there moves');
  await put('f', '?before=a&after=d');
  t.equal(await own(), 'dbefac', 'before goes before after');
  await call('PUT', '/global/override/e/enabled', { enabled: false });
  await put('e');
  t.equal(await own(), 'dbefac', 'a change without a place keeps it');
  t.strictSame((await call('GET', '/global/override/e/enabled')).body, { enabled: false });
  t.equal((await call('DELETE', '/global/override/f')).status, 200);
  t.equal(await own(), 'dbeac');
  for (const query of ['?before=zzz', '?after=.m.rule.master']) {
    t.match(await put('g', query), { status: 400, body: { errcode: 'M_UNKNOWN' } });
  }
});

t.test('each kind keeps what belongs to it', async (t) => {
  const call = callAs(await server.register('dave'));
  const body = { actions: ['notify'], pattern: 'cake', conditions: [] };
  for (const [kind, fields] of [
    ['override', { conditions: [] }],
    ['underride', { conditions: [] }],
    ['content', { pattern: 'cake' }],
    ['room', {}],
    ['sender', {}],
  ] as const) {
    await call('PUT', `/global/${kind}/mine`, body);
    const rule = (await call('GET', `/global/${kind}/mine`)).body;
    const always = { rule_id: 'mine', default: false, enabled: true, actions: ['notify'] };
    t.strictSame(rule, { ...always, ...fields }, kind);
  }
});

t.test('what is wrong is refused', async (t) => {
  const call = callAs(await server.register('erin'));
  for (const [method, path, body] of [
    ['GET', '/global/room/nothing', undefined],
    ['DELETE', '/global/room/nothing', undefined],
    ['GET', '/global/room/nothing/enabled', undefined],
    ['PUT', '/global/room/nothing/enabled', { enabled: true }],
    ['GET', '/global/room/nothing/actions', undefined],
    ['PUT', '/global/room/nothing/actions', { actions: [] }],
  ] as const) {
    t.match(await call(method, path, body), notFound, `${method} ${path}`);
  }
  for (const [path, body, errcode] of [
    ['/global/content/x', { actions: [] }, 'M_MISSING_PARAM'],
    ['/global/room/x', {}, 'M_MISSING_PARAM'],
    ['/global/room/x', { actions: 'notify' }, 'M_BAD_JSON'],
    ['/global/room/.x', { actions: [] }, 'M_INVALID_PARAM'],
    ['/global/room/a%2Fb', { actions: [] }, 'M_INVALID_PARAM'],
    ['/global/elsewhere/x', { actions: [] }, 'M_INVALID_PARAM'],
    ['/global/underride/.m.rule.message/enabled', { enabled: 1 }, 'M_BAD_JSON'],
  ] as const) {
    t.match(await call('PUT', path, body), { status: 400, body: { errcode } }, path);
  }
  const long = { actions: [{ value: 'x'.repeat(300_000) }] };
  t.match(await call('PUT', '/global/room/x', long), {
    status: 413,
    body: { errcode: 'M_TOO_LARGE' },
  });
});

t.test('changes made at once are all there, and are told as account data', async (t) => {
  const frank = await server.register('frank');
  const call = callAs(frank);
  const before = server.context.db.clock.committed;
  const names = ['a', 'b', 'c', 'd', 'e'];
  await Promise.all(names.map((name) => call('PUT', `/global/room/${name}`, { actions: [] })));
  t.strictSame(ids((await call('GET', '/global/')).body.room).sort(), names);
  const told = server.context.notifier.since(before)?.filter(({ change }) => {
    return change.kind === 'accountData' && change.type === 'm.push_rules';
  });
  t.equal(told?.length, 5);
  const data = await server.request(
    'GET',
    `/_matrix/client/v3/user/${frank.userId}/account_data/m.push_rules`,
    { token: frank.accessToken },
  );
  t.strictSame(data.body, (await call('GET', '/')).body);
});
