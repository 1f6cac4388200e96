import t from 'tap';
import { person } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
import { type SeenEvent, SyncClient } from '../testing/sync-client.ts';

const enc = encodeURIComponent;
const server = await startTestServer(t);

type Person = Awaited<ReturnType<typeof person>>;

const follow = (who: Person, filter?: object, query: Record<string, string> = {}) =>
  new SyncClient(server, who, { ...query, ...(filter && { filter: JSON.stringify(filter) }) });

const textsIn = (part: { readonly timeline: { readonly events: readonly SeenEvent[] } }) =>
  part.timeline.events.flatMap(({ type, content }) =>
    type === 'm.room.message' ? [content['body']] : [],
  );

t.test('a filter cuts an answer to what is wanted', async (t) => {
  const alice = await person(server, 'alice-filter');
  const bob = await person(server, 'bob-filter');
  const make = () => alice.createRoom({ preset: 'public_chat' });
  const [one, two] = [await make(), await make()];
  await bob.insist('POST', `/rooms/${enc(one)}/join`, {});
  await alice.say(one, 'from alice');
  await bob.say(one, 'from bob');
  await alice.setState(one, 'm.room.topic', { topic: 'x' });
  const roomsOf = async (room: object) => (await follow(alice, { room }).sync()).rooms?.join ?? {};
  t.same(Object.keys(await roomsOf({ rooms: [one] })), [one]);
  t.same(Object.keys(await roomsOf({ not_rooms: [one] })), [two]);
  const typesIn = async (timeline: object) =>
    (await roomsOf({ rooms: [one], timeline }))[one].timeline.events.map(
      (event: SeenEvent) => `${event.type} ${event.sender === bob.userId ? 'bob' : 'alice'}`,
    );
  t.same(await typesIn({ types: ['m.room.mess*'] }), [
    'm.room.message alice',
    'm.room.message bob',
  ]);
  t.same(await typesIn({ types: ['m.room.message'], not_senders: [bob.userId] }), [
    'm.room.message alice',
  ]);
  t.same(await typesIn({ senders: [bob.userId], limit: 1 }), ['m.room.message bob']);
  t.same(await typesIn({ limit: 0 }), []);
  const stateTypes = (await roomsOf({ timeline: { limit: 1 }, state: { types: ['m.room.name'] } }))[
    one
  ].state.events;
  t.same(stateTypes, []);

  for (let sent = 0; sent < 40; sent += 1) await alice.send(two, 'org.example.filler', {});
  const said = await alice.say(two, 'among others');
  for (let sent = 0; sent < 40; sent += 1) await alice.send(two, 'org.example.filler', {});
  const timeline = { types: ['m.room.message'], limit: 1 };
  const { timeline: rare } = (await roomsOf({ rooms: [two], timeline }))[two];
  t.equal(rare.events[0].event_id, said);
  t.equal(rare.limited, false, 'nothing was left out');

  const fields = await follow(alice, {
    event_fields: ['content.body', 'sender'],
    room: { rooms: [one], timeline: { types: ['m.room.message'], limit: 1 } },
  }).ask();
  t.same(fields.rooms.join[one].timeline.events, [
    { content: { body: 'from bob' }, sender: bob.userId },
  ]);
  const federated = await follow(alice, {
    event_format: 'federation',
    room: { rooms: [one], timeline: { limit: 1 } },
  }).ask();
  t.match(federated.rooms.join[one].timeline.events, [
    { hashes: {}, signatures: {}, depth: Number },
  ]);

  const defined = await alice.insist('POST', `/user/${enc(alice.userId)}/filter`, {
    room: { rooms: [two] },
  });
  const byId = await follow(alice, undefined, { filter: defined.filter_id }).sync();
  t.same(Object.keys(byId.rooms.join), [two], 'a stored filter, by its id');
  for (const filter of ['{', '{"room":3}', '99', 'x']) {
    const refused = await alice.request('GET', `/sync?filter=${enc(filter)}`);
    t.same([refused.status, refused.body.errcode], [400, 'M_INVALID_PARAM'], filter);
  }
});

t.test('users that are ignored are heard no more, save their state', async (t) => {
  const alice = await person(server, 'alice-ignore');
  const bob = await person(server, 'bob-ignore');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.insist('POST', `/rooms/${enc(roomId)}/join`, {});
  const client = follow(alice);
  await client.sync();
  const ignore = (users: object) =>
    alice.insist('PUT', `/user/${enc(alice.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: users,
    });
  await ignore({ [bob.userId]: {} });
  await bob.say(roomId, 'ignored');
  await bob.insist('PUT', `/rooms/${enc(roomId)}/typing/${enc(bob.userId)}`, { typing: true });
  await bob.createRoom({ preset: 'private_chat', invite: [alice.userId] });
  await bob.insist('POST', `/rooms/${enc(roomId)}/leave`, {});
  const body = await client.sync();
  t.same(textsIn(body.rooms.join[roomId]), []);
  t.match(body.rooms.join[roomId].timeline.events, [{ state_key: bob.userId }]);
  t.notMatch(body.rooms.join[roomId].ephemeral.events, [{ content: { user_ids: [bob.userId] } }]);
  t.notOk(body.rooms.invite, 'no invites of theirs');
  await ignore({});
  await bob.insist('POST', `/rooms/${enc(roomId)}/join`, {});
  await bob.say(roomId, 'heard again');
  t.same(textsIn((await client.sync()).rooms.join[roomId]), ['heard again']);
});
