import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');
const carol = await server.register('carol');

const call = (user: TestUser, method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client/v3${path}`, { token: user.accessToken, body });
const post = (user: TestUser, path: string, body: unknown = {}) => call(user, 'POST', path, body);
const put = (user: TestUser, path: string, body: unknown) => call(user, 'PUT', path, body);
const get = (user: TestUser, path: string) => call(user, 'GET', path);
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });
const forbidden = refused(403, 'M_FORBIDDEN');

const makeRoom = async (user: TestUser, body: object = {}): Promise<string> => {
  const answer = await post(user, '/createRoom', body);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body.room_id;
};
const inRoom = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}${rest}`;
const text = (body: string) => ({ msgtype: 'm.text', body });
let txnCount = 0;
const say = async (user: TestUser, roomId: string, body: string): Promise<string> => {
  txnCount += 1;
  const path = inRoom(roomId, `/send/m.room.message/say${txnCount}`);
  const answer = await put(user, path, text(body));
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body.event_id;
};
const membershipOf = async (roomId: string, user: TestUser) => {
  const path = inRoom(roomId, `/state/m.room.member/${user.userId}`);
  return (await get(alice, path)).body;
};

t.test('rooms are made as asked, and refused with a reason', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat', name: 'Talk', topic: 'This' });
  t.strictSame((await get(alice, inRoom(roomId, '/state/m.room.name'))).body, { name: 'Talk' });
  t.match(await get(alice, inRoom(roomId, '/state/m.room.topic/')), { body: { topic: 'This' } });
  await makeRoom(alice, { room_alias_name: 'taken' });
  for (const [body, expected] of [
    [{ room_alias_name: 'taken' }, refused(400, 'M_ROOM_IN_USE')],
    [{ room_version: '99' }, refused(400, 'M_UNSUPPORTED_ROOM_VERSION')],
    [{ power_level_content_override: { users: { [bob.userId]: 100 } } }, { status: 200 }],
    [{ invite: ['nobody'] }, refused(400, 'M_BAD_JSON')],
    [{ preset: 'none' }, refused(400, 'M_BAD_JSON')],
    [{ creation_content: { additional_creators: 'bob' } }, refused(400, 'M_INVALID_ROOM_STATE')],
    [
      {
        initial_state: [
          { type: 'm.room.member', state_key: bob.userId, content: { membership: 'join' } },
        ],
      },
      refused(400, 'M_INVALID_ROOM_STATE'),
    ],
    [
      { invite_3pid: [{ id_server: 'x', id_access_token: 'x', medium: 'email', address: 'x' }] },
      refused(403, 'M_THREEPID_DENIED'),
    ],
    ['{', refused(400, 'M_NOT_JSON')],
  ] as const) {
    t.match(await post(alice, '/createRoom', body), expected, JSON.stringify(body));
  }
});

t.test('messages are sent once, and read back', async (t) => {
  const roomId = await makeRoom(alice);
  const path = inRoom(roomId, '/send/m.room.message/t1');
  const sent = await put(alice, path, text('hello'));
  t.match(sent, { status: 200, body: { event_id: /^\$/ } });
  const again = await put(alice, path, text('hello'));
  t.equal(again.body.event_id, sent.body.event_id, 'the transaction id makes it the same event');
  const other = await put(alice, inRoom(roomId, '/send/org.example.type/t1'), {});
  t.not(other.body.event_id, sent.body.event_id, 'it means the same in one path only');
  const event = await get(alice, inRoom(roomId, `/event/${sent.body.event_id}`));
  t.match(event.body, {
    type: 'm.room.message',
    content: text('hello'),
    sender: alice.userId,
    room_id: roomId,
    event_id: sent.body.event_id,
    origin_server_ts: Number,
    unsigned: { transaction_id: 't1', age: Number },
  });
  for (const [user, at, body, expected] of [
    [bob, roomId, text('x'), forbidden],
    [alice, '!unknown:example.org', text('x'), forbidden],
    [alice, roomId, { msgtype: 5, body: 'x' }, refused(400, 'M_BAD_JSON')],
    [alice, roomId, [], refused(400, 'M_BAD_JSON')],
    [alice, roomId, '{', refused(400, 'M_NOT_JSON')],
    [alice, roomId, text('x'.repeat(70_000)), refused(413, 'M_TOO_LARGE')],
    [alice, 'noroom', text('x'), refused(400, 'M_INVALID_PARAM')],
  ] as const) {
    t.match(await put(user, inRoom(at, '/send/m.room.message/t2'), body), expected);
  }
  t.match(
    await get(bob, inRoom(roomId, `/event/${sent.body.event_id}`)),
    refused(404, 'M_NOT_FOUND'),
  );
  t.match(await get(alice, inRoom(roomId, '/event/$unknown')), refused(404, 'M_NOT_FOUND'));
});

t.test('state is set and read, with and without a state key', async (t) => {
  const roomId = await makeRoom(alice);
  const set = await put(alice, inRoom(roomId, '/state/m.room.name'), { name: 'A' });
  t.match(set.body, { event_id: /^\$/ });
  const again = await put(alice, inRoom(roomId, '/state/m.room.name/'), { name: 'A' });
  t.equal(again.body.event_id, set.body.event_id, 'what is so already is not said again');
  await put(alice, inRoom(roomId, '/state/org.example.x/a%2Fb'), { x: 1 });
  t.strictSame((await get(alice, inRoom(roomId, '/state/org.example.x/a%2Fb'))).body, { x: 1 });
  const whole = await get(alice, inRoom(roomId, '/state/m.room.name/?format=event'));
  t.match(whole.body, { content: { name: 'A' }, state_key: '', event_id: set.body.event_id });
  const { body: all } = await get(alice, inRoom(roomId, '/state'));
  t.ok(all.some((event: { type: string }) => event.type === 'm.room.create'));
  t.match(await get(alice, inRoom(roomId, '/state/org.example.none')), refused(404, 'M_NOT_FOUND'));
  t.match(await get(bob, inRoom(roomId, '/state')), forbidden);
  t.match(await get(bob, inRoom(roomId, '/state/m.room.name')), forbidden);
  t.match(await put(bob, inRoom(roomId, '/state/m.room.name'), { name: 'B' }), forbidden);
  for (const type of ['m.room.name', 'm.room.power_levels', 'org.example.x']) {
    const statePath = inRoom(roomId, `/state/${type}/`);
    const { body: present } = await get(alice, statePath);
    const huge = { ...present, name: 'A', x: 2 ** 53 };
    t.match(await put(alice, statePath, huge), refused(400, 'M_BAD_JSON'), type);
  }
  const alias = { alias: `#none:${server.serverName}` };
  const path = inRoom(roomId, '/state/m.room.canonical_alias');
  t.match(await put(alice, path, alias), refused(400, 'M_BAD_ALIAS'));
  for (const malformed of ['#none', `none:${server.serverName}`, '']) {
    const content = { alt_aliases: [malformed] };
    t.match(await put(alice, path, content), refused(400, 'M_INVALID_PARAM'), malformed);
  }
  t.match(await put(alice, path, { alias: '#none' }), refused(400, 'M_INVALID_PARAM'));
  t.match(await put(alice, path, { alias: 7 }), refused(400, 'M_BAD_JSON'));
  t.match(await put(alice, path, { alias: '' }), { status: 200 });
  t.match(
    await put(alice, inRoom(roomId, '/state/m.room.join_rules'), {}),
    refused(400, 'M_BAD_JSON'),
  );
});

t.test('users are invited, join, leave and forget', async (t) => {
  const roomId = await makeRoom(alice);
  const invite = (body: unknown, user = alice) => post(user, inRoom(roomId, '/invite'), body);
  t.match(await post(bob, inRoom(roomId, '/join')), forbidden);
  t.strictSame((await invite({ user_id: bob.userId, reason: 'come' })).body, {});
  t.match(await membershipOf(roomId, bob), { membership: 'invite', reason: 'come' });
  t.strictSame((await post(bob, inRoom(roomId, '/join'))).body, { room_id: roomId });
  t.match(await invite({ user_id: bob.userId }), forbidden, 'who is here is not invited');
  t.match(await invite({ user_id: carol.userId }, carol), forbidden);
  t.match(await invite({}), refused(400, 'M_MISSING_PARAM'));
  t.match(await invite({ user_id: 'bob' }), refused(400, 'M_BAD_JSON'));
  const rooms = await get(bob, '/joined_rooms');
  t.ok(rooms.body.joined_rooms.includes(roomId));
  const members = await get(bob, inRoom(roomId, '/joined_members'));
  t.strictSame(Object.keys(members.body.joined).sort(), [alice.userId, bob.userId]);
  t.match(await get(carol, inRoom(roomId, '/joined_members')), forbidden);
  t.match(await post(bob, inRoom(roomId, '/forget')), refused(400, 'M_UNKNOWN'));
  t.strictSame((await post(bob, inRoom(roomId, '/leave'), { reason: 'late' })).body, {});
  t.match(await membershipOf(roomId, bob), { membership: 'leave', reason: 'late' });
  t.equal((await post(bob, inRoom(roomId, '/leave'))).status, 200, 'and stays so');
  t.equal((await get(bob, inRoom(roomId, '/state/m.room.create'))).status, 200, 'as it was');
  t.strictSame((await post(bob, inRoom(roomId, '/forget'))).body, {});
  t.match(await get(bob, inRoom(roomId, '/state/m.room.create')), forbidden, 'forgotten');
  t.match(await post(carol, inRoom(roomId, '/leave')), forbidden);
  t.match(await post(alice, '/join/%23nothing'), refused(400, 'M_INVALID_PARAM'));
  t.match(await post(alice, '/join/nothing'), refused(400, 'M_INVALID_PARAM'));
  const unknown = encodeURIComponent(`#none:${server.serverName}`);
  t.match(await post(alice, `/join/${unknown}`), refused(404, 'M_NOT_FOUND'));
  t.match(await post(alice, `/knock/${unknown}`), refused(404, 'M_NOT_FOUND'));
});

t.test('users are joined by alias', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat', room_alias_name: 'open' });
  const alias = encodeURIComponent(`#open:${server.serverName}`);
  t.strictSame((await post(bob, `/join/${alias}?via=x.example`)).body, { room_id: roomId });
  t.match(await membershipOf(roomId, bob), { membership: 'join' });
});

t.test('users are kicked, banned and let in again', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat' });
  await post(bob, `/join/${roomId}`);
  const act = (user: TestUser, what: string, target: TestUser) =>
    post(user, inRoom(roomId, `/${what}`), { user_id: target.userId, reason: what });
  for (const what of ['kick', 'ban', 'unban']) {
    t.match(await act(bob, what, alice), { status: 403 }, what);
    t.match(await post(alice, inRoom(roomId, `/${what}`), {}), refused(400, 'M_MISSING_PARAM'));
  }
  t.strictSame((await act(alice, 'kick', bob)).body, {});
  t.match(await membershipOf(roomId, bob), { membership: 'leave', reason: 'kick' });
  t.match(await act(alice, 'kick', bob), forbidden);
  t.strictSame((await act(alice, 'ban', bob)).body, {});
  t.match(await post(bob, `/join/${roomId}`), forbidden);
  t.match(await act(alice, 'kick', bob), refused(403, 'M_BAD_STATE'));
  t.strictSame((await act(alice, 'unban', bob)).body, {});
  t.match(await act(alice, 'unban', bob), refused(403, 'M_BAD_STATE'));
  t.equal((await post(bob, `/join/${roomId}`)).status, 200);
});

t.test('users knock where that is allowed', async (t) => {
  const knock = { type: 'm.room.join_rules', content: { join_rule: 'knock' } };
  const roomId = await makeRoom(alice, { initial_state: [knock] });
  const knocked = await post(bob, `/knock/${roomId}`, { reason: 'please' });
  t.strictSame(knocked.body, { room_id: roomId });
  t.match(await membershipOf(roomId, bob), { membership: 'knock', reason: 'please' });
  const closed = await makeRoom(alice);
  t.match(await post(bob, `/knock/${closed}`), forbidden);
  t.match(await post(bob, `/knock/${roomId}`, { reason: 5 }), refused(400, 'M_BAD_JSON'));
});

t.test('a member event of one’s own is a way in', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat' });
  const path = inRoom(roomId, `/state/m.room.member/${bob.userId}`);
  t.match(await put(bob, path, { membership: 'join', displayname: 'B' }), { status: 200 });
  t.match(await membershipOf(roomId, bob), { membership: 'join', displayname: 'B' });
});

t.test('members are listed, at a time and by membership', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat', invite: [carol.userId] });
  const { start } = (await get(alice, inRoom(roomId, '/messages?dir=b&limit=1'))).body;
  await post(bob, `/join/${roomId}`);
  const list = async (query: string) => {
    const { body } = await get(alice, inRoom(roomId, `/members?${query}`));
    return body.chunk.map((event: { state_key: string }) => event.state_key).sort();
  };
  t.strictSame(await list(''), [alice.userId, bob.userId, carol.userId]);
  t.strictSame(await list('membership=invite'), [carol.userId]);
  t.strictSame(await list('not_membership=invite'), [alice.userId, bob.userId]);
  t.strictSame(await list(`at=${start}`), [alice.userId, carol.userId]);
  const { rooms } = (await get(alice, '/sync')).body;
  const before = rooms.join[roomId].timeline.prev_batch;
  t.strictSame(await list(`at=${before}`), [], 'nobody was there before the first event');
  const path = inRoom(roomId, '/members?membership=x');
  t.match(await get(alice, path), refused(400, 'M_INVALID_PARAM'));
  t.match(await get(alice, inRoom(roomId, '/members?at=x')), refused(400, 'M_INVALID_PARAM'));
  const other = await makeRoom(alice);
  t.match(await get(bob, inRoom(other, '/members')), forbidden);
});

t.test('the history is paged through, filtered and looked into', async (t) => {
  const roomId = await makeRoom(alice);
  const ids: string[] = [];
  for (const body of ['1', '2', '3', '4', '5']) ids.push(await say(alice, roomId, body));
  const page = async (query: string) =>
    (await get(alice, inRoom(roomId, `/messages?${query}`))).body;
  const bodies = (events: { content: { body?: string } }[]) => events.map((e) => e.content.body);
  const first = await page('dir=b&limit=2');
  t.strictSame(bodies(first.chunk), ['5', '4']);
  const second = await page(`dir=b&limit=2&from=${first.end}`);
  t.strictSame(bodies(second.chunk), ['3', '2']);
  const forward = await page(`dir=f&limit=2&from=${second.end}`);
  t.strictSame(bodies(forward.chunk), ['2', '3']);
  const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.create'] }));
  const created = await page(`dir=b&filter=${filter}`);
  t.strictSame(
    created.chunk.map((event: { type: string }) => event.type),
    ['m.room.create'],
  );
  const around = await get(alice, inRoom(roomId, `/context/${ids[2]}?limit=4`));
  t.match(around.body, { event: { event_id: ids[2] }, start: String, end: String });
  t.strictSame(bodies(around.body.events_before), ['2', '1']);
  t.strictSame(bodies(around.body.events_after), ['4', '5']);
  for (const [limit, before, after] of [
    [0, [], []],
    [1, [], ['4']],
    [2, ['2'], ['4']],
    [3, ['2'], ['4', '5']],
  ] as const) {
    const { body } = await get(alice, inRoom(roomId, `/context/${ids[2]}?limit=${limit}`));
    t.strictSame([bodies(body.events_before), bodies(body.events_after)], [before, after]);
  }
  t.ok(around.body.state.length > 0);
  for (const [query, errcode] of [
    ['', 'M_MISSING_PARAM'],
    ['dir=x', 'M_INVALID_PARAM'],
    ['dir=b&from=x', 'M_INVALID_PARAM'],
    ['dir=b&limit=-1', 'M_INVALID_PARAM'],
    ['dir=b&filter={', 'M_INVALID_PARAM'],
    [`dir=b&filter=${encodeURIComponent('{"types":1}')}`, 'M_INVALID_PARAM'],
  ] as const) {
    t.match(await get(alice, inRoom(roomId, `/messages?${query}`)), refused(400, errcode), query);
  }
  t.match(await get(bob, inRoom(roomId, '/messages?dir=b')), forbidden);
  t.match(await get(bob, inRoom(roomId, `/context/${ids[2]}`)), refused(404, 'M_NOT_FOUND'));
});

t.test('events are redacted by their sender and by who may', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat' });
  await post(bob, `/join/${roomId}`);
  const mine = await say(bob, roomId, 'oops');
  const theirs = await say(alice, roomId, 'mine');
  const redact = (user: TestUser, eventId: string, txnId: string, body: unknown = {}) =>
    put(user, inRoom(roomId, `/redact/${encodeURIComponent(eventId)}/${txnId}`), body);
  const done = await redact(bob, mine, 'r1', { reason: 'typo' });
  t.match(done.body, { event_id: /^\$/ });
  t.equal((await redact(bob, mine, 'r1')).body.event_id, done.body.event_id);
  const { body } = await get(alice, inRoom(roomId, `/event/${mine}`));
  t.strictSame(body.content, {});
  t.match(body.unsigned.redacted_because, {
    event_id: done.body.event_id,
    content: { reason: 'typo' },
  });
  t.match(await redact(bob, theirs, 'r2'), forbidden);
  t.match(await redact(alice, '$unknown', 'r3'), refused(404, 'M_NOT_FOUND'));
  t.match(await redact(alice, theirs, 'r4', { reason: 1 }), refused(400, 'M_BAD_JSON'));
});

t.test('the event nearest to a time is found, among those that may be seen', async (t) => {
  const roomId = await makeRoom(alice, { preset: 'public_chat' });
  const ids: string[] = [];
  for (const body of ['1', '2', '3']) ids.push(await say(alice, roomId, body));
  const find = (user: TestUser, query: string) =>
    server.request('GET', `/_matrix/client/v1/rooms/${roomId}/timestamp_to_event?${query}`, {
      token: user.accessToken,
    });
  const { body: second } = await get(alice, inRoom(roomId, `/event/${ids[1]}`));
  const at = second.origin_server_ts;
  for (const dir of ['b', 'f']) {
    t.match((await find(alice, `ts=${at}&dir=${dir}`)).body, { origin_server_ts: at });
  }
  t.equal((await find(alice, `ts=${at + 9_999_999}&dir=b`)).body.event_id, ids[2]);
  const first = await find(alice, 'ts=0&dir=f');
  const { body: created } = await get(alice, inRoom(roomId, `/event/${first.body.event_id}`));
  t.equal(created.type, 'm.room.create');
  t.match(await find(alice, 'ts=0&dir=b'), refused(404, 'M_NOT_FOUND'));
  t.match(await find(alice, `ts=${at + 9_999_999}&dir=f`), refused(404, 'M_NOT_FOUND'));
  await post(bob, `/join/${roomId}`);
  await post(bob, inRoom(roomId, '/leave'));
  const later = await say(alice, roomId, 'later');
  const last = await find(bob, `ts=${at + 9_999_999}&dir=b`);
  t.not(last.body.event_id, later, 'not what came after the user had left');
  t.equal(last.status, 200);
  t.match(await find(carol, `ts=${at}&dir=b`), forbidden);
  t.match(await find(alice, 'ts=x&dir=b'), refused(400, 'M_INVALID_PARAM'));
  t.match(await find(alice, `ts=${at}`), refused(400, 'M_MISSING_PARAM'));
});
