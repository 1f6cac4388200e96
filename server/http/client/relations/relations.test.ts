import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');
const carol = await server.register('carol');

const call = (user: TestUser, method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client${path}`, { token: user.accessToken, body });
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });

let txnCount = 0;
const put = (user: TestUser, roomId: string, content: object, type = 'm.room.message') => {
  txnCount += 1;
  return call(user, 'PUT', `/v3/rooms/${roomId}/send/${type}/t${txnCount}`, content);
};
const send = async (...asked: Parameters<typeof put>): Promise<string> => {
  const { status, body } = await put(...asked);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.event_id;
};
const text = (body: string, relation?: object) => ({
  msgtype: 'm.text',
  body,
  ...(relation && { 'm.relates_to': relation }),
});
const to = (eventId: string, relType: string, more: object = {}) => ({
  rel_type: relType,
  event_id: eventId,
  ...more,
});
const newRoom = async (): Promise<string> => {
  const { body } = await call(alice, 'POST', '/v3/createRoom', { preset: 'public_chat' });
  await call(bob, 'POST', `/v3/join/${body.room_id}`, {});
  return body.room_id;
};
const relations = (roomId: string, rest: string, user = alice) =>
  call(user, 'GET', `/v1/rooms/${roomId}/relations/${rest}`);
const threads = (roomId: string, query = '', user = alice) =>
  call(user, 'GET', `/v1/rooms/${roomId}/threads${query}`);
type Events = { readonly event_id: string }[];
const ids = ({ body }: { readonly body: { readonly chunk: Events } }) =>
  body.chunk.map((event) => event.event_id);
const bundles = async (roomId: string, eventId: string, user = alice) =>
  (await call(user, 'GET', `/v3/rooms/${roomId}/event/${eventId}`)).body.unsigned['m.relations'];

t.test('what relates to an event is listed by kind and type, in pages', async (t) => {
  const roomId = await newRoom();
  const root = await send(alice, roomId, text('root'));
  const answers: string[] = [];
  for (const n of [1, 2, 3]) {
    answers.unshift(await send(bob, roomId, text(`${n}`, to(root, 'm.thread'))));
  }
  const like = await send(
    bob,
    roomId,
    { 'm.relates_to': to(root, 'm.annotation', { key: '+' }) },
    'm.reaction',
  );
  await send(bob, roomId, text('apart'));
  t.strictSame(ids(await relations(roomId, root)), [like, ...answers]);
  t.strictSame(ids(await relations(roomId, `${root}?dir=f`)), [...answers].reverse().concat(like));
  t.strictSame(ids(await relations(roomId, `${root}/m.thread`)), answers);
  t.strictSame(ids(await relations(roomId, `${root}/m.annotation/m.reaction`)), [like]);
  t.strictSame(ids(await relations(roomId, `${root}/m.annotation/m.room.message`)), []);
  const first = await relations(roomId, `${root}/m.thread?limit=2`);
  t.strictSame(ids(first), answers.slice(0, 2));
  t.notOk('prev_batch' in first.body);
  const second = await relations(roomId, `${root}/m.thread?limit=2&from=${first.body.next_batch}`);
  t.strictSame(ids(second), answers.slice(2));
  t.notOk('next_batch' in second.body);
  t.equal(second.body.prev_batch, first.body.next_batch);
  const between = await relations(roomId, `${root}/m.thread?to=${first.body.next_batch}`);
  t.strictSame(ids(between), answers.slice(0, 2));
  await call(bob, 'PUT', `/v3/rooms/${roomId}/redact/${answers[0]}/r1`, {});
  t.strictSame(ids(await relations(roomId, `${root}/m.thread`)), answers.slice(1), 'redacted');
  for (const [path, expected] of [
    [`${root}?from=x`, refused(400, 'M_INVALID_PARAM')],
    [`${root}?dir=x`, refused(400, 'M_INVALID_PARAM')],
    ['$unknown', refused(404, 'M_NOT_FOUND')],
  ] as const) {
    t.match(await relations(roomId, path), expected, path);
  }
  t.match(await relations(roomId, root, carol), refused(403, 'M_FORBIDDEN'));
});

t.test('indirect relations are followed, a few steps and in no circle', async (t) => {
  const roomId = await newRoom();
  const chain = [await send(alice, roomId, text('0'))];
  for (const n of [1, 2, 3, 4]) {
    chain.unshift(await send(alice, roomId, text(`${n}`, to(chain[0] ?? '', 'org.example.next'))));
  }
  const root = chain.at(-1) ?? '';
  const answer = await relations(roomId, `${root}?recurse=true`);
  t.strictSame(ids(answer), chain.slice(1, 4));
  t.equal(answer.body.recursion_depth, 3);
  const direct = await relations(roomId, root);
  t.strictSame(ids(direct), [chain[3]]);
  t.notOk('recursion_depth' in direct.body);
});

t.test('threads are listed by their newest answer, with what is known of each', async (t) => {
  const roomId = await newRoom();
  const one = await send(alice, roomId, text('one'));
  const two = await send(bob, roomId, text('two'));
  await send(alice, roomId, text('two one', to(two, 'm.thread')));
  await send(alice, roomId, text('one one', to(one, 'm.thread')));
  const last = await send(bob, roomId, text('one two', to(one, 'm.thread')));
  const all = await threads(roomId);
  t.strictSame(ids(all), [one, two]);
  t.match(all.body.chunk[0].unsigned['m.relations']['m.thread'], {
    count: 2,
    current_user_participated: true,
    latest_event: { event_id: last, content: { body: 'one two' } },
  });
  const first = await threads(roomId, '?limit=1');
  t.strictSame(ids(first), [one]);
  const second = await threads(roomId, `?limit=1&from=${first.body.next_batch}`);
  t.strictSame(ids(second), [two]);
  t.notOk('next_batch' in second.body);
  await call(carol, 'POST', `/v3/join/${roomId}`, {});
  t.strictSame(ids(await threads(roomId, '?include=participated', carol)), []);
  const seen = await bundles(roomId, one, carol);
  t.equal(seen['m.thread'].current_user_participated, false);
  await send(carol, roomId, text('me too', to(two, 'm.thread')));
  t.strictSame(ids(await threads(roomId, '?include=participated', carol)), [two]);
  t.strictSame(ids(await threads(roomId, '', carol)), [two, one], 'the newest answer counts');
  t.match(await threads(roomId, '?from=x'), refused(400, 'M_INVALID_PARAM'));
  t.match(await threads('!unknown:example.org'), refused(403, 'M_FORBIDDEN'));
});

t.test('an event comes with its newest valid edit and what refers to it', async (t) => {
  const roomId = await newRoom();
  const original = await send(alice, roomId, text('original'));
  const edit = (user: TestUser, body: string, content: object = { 'm.new_content': text(body) }) =>
    send(user, roomId, { ...text(`* ${body}`, to(original, 'm.replace')), ...content });
  await edit(alice, 'first');
  const second = await edit(alice, 'second');
  await edit(bob, 'forged');
  await edit(alice, 'empty', {});
  t.match((await bundles(roomId, original))['m.replace'], {
    event_id: second,
    content: { 'm.new_content': { body: 'second' } },
  });
  const page = await call(alice, 'GET', `/v3/rooms/${roomId}/messages?dir=b&limit=50`);
  const listed = page.body.chunk.find((event: { event_id: string }) => event.event_id === original);
  t.equal(listed.unsigned['m.relations']['m.replace'].event_id, second);
  t.equal(listed.content.body, 'original', 'the original stays as it was');
  await call(alice, 'PUT', `/v3/rooms/${roomId}/redact/${second}/r2`, {});
  t.match((await bundles(roomId, original))['m.replace'].content['m.new_content'], {
    body: 'first',
  });
  const note = await send(bob, roomId, text('see there', to(original, 'm.reference')));
  t.strictSame((await bundles(roomId, original))['m.reference'], { chunk: [{ event_id: note }] });
  await call(alice, 'PUT', `/v3/rooms/${roomId}/redact/${original}/r3`, {});
  const left = await bundles(roomId, original);
  t.notOk('m.replace' in left, 'edits of what is redacted are not shown');
  t.ok('m.reference' in left);
});

t.test('what the user may not see is not in the bundle either', async (t) => {
  const visibility = {
    type: 'm.room.history_visibility',
    content: { history_visibility: 'joined' },
  };
  const made = await call(alice, 'POST', '/v3/createRoom', {
    preset: 'public_chat',
    initial_state: [visibility],
  });
  const roomId: string = made.body.room_id;
  await call(bob, 'POST', `/v3/join/${roomId}`, {});
  const root = await send(alice, roomId, text('root'));
  await call(bob, 'POST', `/v3/rooms/${roomId}/leave`, {});
  await send(alice, roomId, text('later', to(root, 'm.thread')));
  t.ok((await bundles(roomId, root))['m.thread']);
  t.equal(await bundles(roomId, root, bob), undefined);
  t.strictSame(ids(await relations(roomId, root, bob)), []);
});

t.test('relations that would say nothing new are refused', async (t) => {
  const roomId = await newRoom();
  const root = await send(alice, roomId, text('root'));
  const like = (key: string) => ({ 'm.relates_to': to(root, 'm.annotation', { key }) });
  const first = await send(bob, roomId, like('+'), 'm.reaction');
  const again = refused(400, 'M_DUPLICATE_ANNOTATION');
  t.match(await put(bob, roomId, like('+'), 'm.reaction'), again);
  t.equal((await put(bob, roomId, like('-'), 'm.reaction')).status, 200);
  t.equal((await put(alice, roomId, like('+'), 'm.reaction')).status, 200);
  await call(bob, 'PUT', `/v3/rooms/${roomId}/redact/${first}/r4`, {});
  t.equal((await put(bob, roomId, like('+'), 'm.reaction')).status, 200, 'taken back before');
  const child = await send(bob, roomId, text('child', to(root, 'm.thread')));
  const nested = await put(bob, roomId, text('x', to(child, 'm.thread')));
  t.match(nested, refused(400, 'M_UNKNOWN'));
});

t.test('a thread counts what the viewer may see of it', async (t) => {
  const roomId = await newRoom();
  const root = await send(alice, roomId, text('root'));
  const first = await send(bob, roomId, text('first', to(root, 'm.thread')));
  await call(bob, 'POST', `/v3/rooms/${roomId}/leave`, {});
  const seen = async (user: TestUser) => (await bundles(roomId, root, user))['m.thread'];
  const mine = { count: 1, current_user_participated: true, latest_event: { event_id: first } };
  for (const size of [1, 60]) {
    for (let at = 0; at < size; at += 1) {
      await send(alice, roomId, text(`${at}`, to(root, 'm.thread')));
    }
    t.match(await seen(bob), mine, `${size} more`);
  }
  t.match(await seen(alice), { count: 62 });

  const hidden = { history_visibility: 'joined' };
  await call(alice, 'PUT', `/v3/rooms/${roomId}/state/m.room.history_visibility/`, hidden);
  const secret = await send(alice, roomId, text('members only', to(root, 'm.thread')));
  await call(carol, 'POST', `/v3/join/${roomId}`, {});
  t.match(await seen(carol), { current_user_participated: false });
  t.ok((await seen(carol)).count < 63, 'who came late does not hear of what was hidden');
  t.not((await seen(carol)).latest_event.event_id, secret);
  t.match(await seen(alice), { count: 63, latest_event: { event_id: secret } });
});

t.test('nobody takes part in a thread because others say so', async (t) => {
  const roomId = await newRoom();
  await call(carol, 'POST', `/v3/join/${roomId}`, {});
  const forged = { 'org.example.quote': { sender: carol.userId } };
  const root = await send(alice, roomId, { ...text('root'), ...forged });
  await send(bob, roomId, { ...text('answer', to(root, 'm.thread')), ...forged });
  const thread = (await bundles(roomId, root, carol))['m.thread'];
  t.match(thread, { count: 1, current_user_participated: false });
  t.strictSame(ids(await threads(roomId, '?include=participated', carol)), []);
  t.strictSame(ids(await threads(roomId, '?include=participated', alice)), [root]);
  t.strictSame(ids(await threads(roomId, '?include=participated', bob)), [root]);
});

t.test('a thread is without the answers of users who are ignored', async (t) => {
  const roomId = await newRoom();
  await call(carol, 'POST', `/v3/join/${roomId}`, {});
  const root = await send(alice, roomId, text('root'));
  const first = await send(carol, roomId, text('carol', to(root, 'm.thread')));
  const last = await send(bob, roomId, text('bob', to(root, 'm.thread')));
  const seen = async () => (await bundles(roomId, root))['m.thread'];
  t.match(await seen(), { count: 2, latest_event: { event_id: last } });
  const path = `/v3/user/${alice.userId}/account_data/m.ignored_user_list`;
  await call(alice, 'PUT', path, { ignored_users: { [bob.userId]: {} } });
  t.match(await seen(), { count: 1, latest_event: { event_id: first } });
  await call(alice, 'PUT', path, { ignored_users: {} });
  t.match(await seen(), { count: 2 });
});
