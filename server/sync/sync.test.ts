import { clientServer, limits } from '@candor/spec';
import t from 'tap';
import { Compile } from 'typebox/compile';
import { person, until } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
import { type SeenEvent, SyncClient } from '../testing/sync-client.ts';
import { waitForBody } from './wait-for-change.ts';

const enc = encodeURIComponent;
const server = await startTestServer(t);
const syncAnswer = Compile(clientServer.sync.response);

type Person = Awaited<ReturnType<typeof person>>;

const follow = (who: Person, filter?: object, query: Record<string, string> = {}) =>
  new SyncClient(server, who, { ...query, ...(filter && { filter: JSON.stringify(filter) }) });

const textsIn = (part: { readonly timeline: { readonly events: readonly SeenEvent[] } }) =>
  part.timeline.events.flatMap(({ type, content }) =>
    type === 'm.room.message' ? [content['body']] : [],
  );

const visible = {
  world_readable: { joined: ['before', 'invited', 'joined'] },
  shared: { joined: ['before', 'invited', 'joined'] },
  invited: { joined: ['invited', 'joined'] },
  joined: { joined: ['joined'] },
} as const;

for (const [visibility, { joined }] of Object.entries(visible)) {
  t.test(`history that is ${visibility} is shown to whom it may be`, async (t) => {
    const alice = await person(server, `alice-${visibility}`);
    const bob = await person(server, `bob-${visibility}`);
    const roomId = await alice.createRoom({
      preset: 'private_chat',
      initial_state: [
        {
          type: 'm.room.history_visibility',
          content: { history_visibility: visibility },
        },
      ],
    });
    const all = { room: { timeline: { limit: 100 }, include_leave: true } };
    const client = follow(bob, all);
    t.notOk((await client.sync()).rooms, 'a stranger sees nothing');
    await alice.say(roomId, 'before');
    await alice.insist('POST', `/rooms/${enc(roomId)}/invite`, { user_id: bob.userId });
    await alice.say(roomId, 'invited');
    const invited = await client.sync();
    t.same(Object.keys(invited.rooms), ['invite'], 'an invited user sees the invite and no more');
    await bob.insist('POST', `/rooms/${enc(roomId)}/join`, {});
    await alice.say(roomId, 'joined');
    t.same(textsIn((await client.sync()).rooms.join[roomId]), joined, 'on joining');
    t.same(textsIn((await follow(bob, all).sync()).rooms.join[roomId]), joined, 'initially');
    await alice.say(roomId, 'last');
    await bob.insist('POST', `/rooms/${enc(roomId)}/leave`, {});
    await alice.say(roomId, 'left');
    await alice.setState(roomId, 'm.room.topic', { topic: 'secret' });
    const left = (await client.sync()).rooms.leave[roomId];
    t.same(textsIn(left), ['last'], 'on leaving');
    t.equal(left.timeline.events.at(-1).content.membership, 'leave');
    const initial = (await follow(bob, all).sync()).rooms.leave[roomId];
    t.same(textsIn(initial), [...joined, 'last'], 'initially, of rooms that were left');
    t.notMatch(JSON.stringify([left, initial]), /secret/);
    t.notOk((await client.sync()).rooms, 'and then nothing more');
  });
}

t.test('an initial sync has everything that its schema asks for', async (t) => {
  const alice = await person(server, 'alice-initial');
  const bob = await person(server, 'bob-initial');
  const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] });
  await alice.insist('PUT', `/user/${enc(alice.userId)}/account_data/test.global`, { a: 1 });
  const roomData = `/user/${enc(alice.userId)}/rooms/${enc(roomId)}/account_data/test.room`;
  await alice.insist('PUT', roomData, { b: 2 });
  const client = follow(alice);
  const body = await client.sync();
  t.ok(syncAnswer.Check(body), 'the answer is as described');
  const room = body.rooms.join[roomId];
  t.same(room.summary, {
    'm.heroes': [bob.userId],
    'm.joined_member_count': 1,
    'm.invited_member_count': 1,
  });
  await alice.setState(roomId, 'm.room.name', { name: 'ours' });
  t.same(
    (await client.ask()).rooms.join[roomId].summary,
    { 'm.joined_member_count': 1, 'm.invited_member_count': 1 },
    'a room with a name needs no heroes',
  );
  t.match(body.account_data.events, [{ type: 'm.push_rules' }, { type: 'test.global' }]);
  t.same(room.account_data.events, [{ type: 'test.room', content: { b: 2 } }]);
  t.same(room.state.events, [], 'the whole room fits into the timeline');
  t.equal(room.timeline.limited, false);
  t.notOk(room.state_after);
  t.same(body.device_one_time_keys_count, { signed_curve25519: 0 });
  t.same(body.device_unused_fallback_key_types, []);

  const invite = (await follow(bob).sync()).rooms.invite[roomId].invite_state.events;
  t.match(
    invite.find(({ state_key: key }: SeenEvent) => key === bob.userId),
    { type: 'm.room.member', sender: alice.userId, content: { membership: 'invite' } },
    'the invite itself is in its state',
  );
  t.ok(syncAnswer.Check(await follow(bob).sync()));
});

t.test('a gap is told, with the state over it, and can be filled', async (t) => {
  const alice = await person(server, 'alice-gap');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const filter = { room: { timeline: { limit: 2 } } };
  const [client, after] = [
    follow(alice, filter),
    follow(alice, filter, { use_state_after: 'true' }),
  ];
  await client.sync();
  await after.sync();
  await alice.say(roomId, 'one');
  const named = await alice.setState(roomId, 'm.room.name', { name: 'n' });
  await alice.say(roomId, 'two');
  const topic = await alice.setState(roomId, 'm.room.topic', { topic: 't' });
  const room = (await client.sync()).rooms.join[roomId];
  t.same(textsIn(room), ['two']);
  t.equal(room.timeline.limited, true);
  const idsOf = (events: readonly SeenEvent[]) => events.map((event) => event.event_id);
  t.same(idsOf(room.state.events), [named], 'what changed in the gap');
  const roomAfter = (await after.sync()).rooms.join[roomId];
  t.same(idsOf(roomAfter.state_after.events), [named, topic], 'what changed until the end');
  t.notOk(roomAfter.state);
  const query = new URLSearchParams({ dir: 'b', from: room.timeline.prev_batch, limit: '2' });
  const page = await alice.insist('GET', `/rooms/${enc(roomId)}/messages?${query}`);
  t.same(idsOf(page.chunk)[0], named);
  t.same(page.chunk[1].content.body, 'one');

  const full = await client.ask({ full_state: 'true', timeout: '60000' });
  const whole = full.rooms.join[roomId];
  t.same(whole.timeline.events, [], 'all of the state comes at once, with nothing new');
  t.ok(whole.state.events.some(({ type }: SeenEvent) => type === 'm.room.create'));
  t.equal(whole.state.events.length, client.room(roomId).state.size);
});

t.test('rooms come and go by invite, refusal, knock, kick, ban and forgetting', async (t) => {
  const alice = await person(server, 'alice-moves');
  const bob = await person(server, 'bob-moves');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const client = follow(bob);
  await client.sync();
  const room = `/rooms/${enc(roomId)}`;
  const target = { user_id: bob.userId };
  const next = async () => (await client.sync({ timeout: '5000' })).rooms;

  await alice.insist('POST', `${room}/invite`, target);
  t.ok((await next()).invite[roomId]);
  await bob.insist('POST', `${room}/leave`, {});
  const refused = (await next()).leave[roomId];
  t.match(refused.timeline.events, [{ content: { membership: 'leave' } }], 'refused');
  t.same(refused.state.events, [], 'who was never in sees no state');

  await alice.insist('POST', `${room}/invite`, target);
  await alice.insist('POST', `${room}/kick`, target);
  t.ok((await next()).leave[roomId], 'taken back before it was seen');

  await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' });
  await bob.insist('POST', `/knock/${enc(roomId)}`, {});
  const knock = (await next()).knock[roomId].knock_state.events;
  t.ok(knock.some(({ content }: SeenEvent) => content['membership'] === 'knock'));
  await alice.insist('POST', `${room}/invite`, target);
  t.ok((await next()).invite[roomId], 'the knock is answered');
  await bob.insist('POST', `${room}/join`, {});
  const joined = (await next()).join[roomId];
  t.equal(joined.timeline.limited, true, 'a room that is new to the client begins anew');

  await alice.say(roomId, 'the last thing');
  await alice.insist('POST', `${room}/ban`, target);
  await alice.say(roomId, 'behind his back');
  const banned = (await next()).leave[roomId];
  t.same(textsIn(banned), ['the last thing']);
  t.equal(banned.timeline.events.at(-1).content.membership, 'ban');

  await alice.insist('POST', `${room}/unban`, target);
  await alice.insist('POST', `${room}/invite`, target);
  await bob.insist('POST', `${room}/join`, {});
  await bob.insist('POST', `${room}/leave`, {});
  await bob.insist('POST', `${room}/forget`, {});
  t.ok((await next()).leave[roomId], 'another session hears of the end of what was forgotten');
  const initial = await follow(bob, { room: { include_leave: true } }).sync();
  t.notOk(initial.rooms, 'a new one does not');
});

t.test('members are loaded lazily, once, and again when the answer was lost', async (t) => {
  const alice = await person(server, 'alice-lazy');
  const others = await Promise.all([1, 2, 3].map((n) => person(server, `other-lazy${n}`)));
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  for (const other of others) await other.insist('POST', `/rooms/${enc(roomId)}/join`, {});
  const [first, second, third] = others as [Person, Person, Person];
  await alice.say(roomId, 'hello');
  const lazy = { lazy_load_members: true };
  const client = follow(alice, { room: { timeline: { limit: 1 }, state: lazy } });
  const membersIn = (part: { readonly state: { readonly events: readonly SeenEvent[] } }) =>
    part.state.events
      .filter(({ type }) => type === 'm.room.member')
      .map((event) => event.state_key)
      .sort();
  const heroes = others.map(({ userId }) => userId).sort();
  const initial = (await client.sync()).rooms.join[roomId];
  t.same(membersIn(initial), [alice.userId, ...heroes].sort(), 'oneself, senders and heroes');

  const many = await alice.createRoom({ preset: 'public_chat', name: 'many' });
  const crowd = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => person(server, `crowd-lazy${n}`)));
  for (const one of [...crowd, first, second]) {
    await one.insist('POST', `/rooms/${enc(many)}/join`, {});
  }
  await alice.say(many, 'hello');
  const fresh = follow(alice, { room: { timeline: { limit: 1 }, state: lazy } });
  await fresh.sync();
  await second.say(many, 'a word');
  t.same(membersIn((await fresh.ask()).rooms.join[many]), [second.userId], 'a new sender');
  t.same(membersIn((await fresh.sync()).rooms.join[many]), [second.userId], 'lost, so again');
  await second.say(many, 'another');
  t.same(membersIn((await fresh.sync()).rooms.join[many]), [], 'known by now');
  const [crowdFirst, crowdSecond] = crowd as [Person, Person];
  await crowdFirst.say(many, 'in an answer that is lost');
  await fresh.ask();
  await crowdSecond.say(many, 'in the one after it');
  t.same(membersIn((await fresh.sync()).rooms.join[many]), [crowdSecond.userId]);
  await crowdFirst.say(many, 'again');
  const late = membersIn((await fresh.sync()).rooms.join[many]);
  t.same(late, [crowdFirst.userId], 'what was lost is not known, whatever came after it');
  const redundant = { ...lazy, include_redundant_members: true };
  await second.say(many, 'a third');
  const repeated = await fresh.sync({ filter: JSON.stringify({ room: { state: redundant } }) });
  t.same(membersIn(repeated.rooms.join[many]), [second.userId], 'unless asked for');
  await third.insist('POST', `/rooms/${enc(many)}/join`, {});
  await first.say(many, 'over the gap');
  const gap = (await fresh.sync()).rooms.join[many];
  t.same(membersIn(gap), [first.userId, third.userId].sort(), 'what changed in a gap is told');
});

t.test(
  'messages to a device come in portions, once each, and go when they are acknowledged',
  async (t) => {
    const alice = await person(server, 'alice-to-device');
    const count = limits.toDeviceMessagesPerSyncMax + 5;
    for (let index = 0; index < count; index += 1) {
      await alice.insist('PUT', `/sendToDevice/test/${index}`, {
        messages: { [alice.userId]: { [alice.deviceId]: { index } } },
      });
    }
    const client = follow(alice);
    await client.ask();
    await client.sync();
    t.equal(client.toDevice.length, limits.toDeviceMessagesPerSyncMax);
    await client.ask();
    await client.sync();
    await client.sync();
    const seen = client.toDevice.map(
      (one) => (one as { content: { index: number } }).content.index,
    );
    t.same(seen, [...Array(count).keys()]);
    const { rows } = await server.context.db.pool.query(
      'SELECT count(*) FROM to_device_messages WHERE user_id = $1',
      [alice.userId],
    );
    t.same(rows, [{ count: 0 }]);
  },
);

t.test('changes of devices and keys are told', async (t) => {
  const alice = await person(server, 'alice-devices');
  const bob = await person(server, 'bob-devices');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const client = follow(alice);
  t.notOk((await client.sync()).device_lists, 'not initially');
  await bob.insist('POST', `/rooms/${enc(roomId)}/join`, {});
  t.same((await client.sync()).device_lists, { changed: [bob.userId], left: [] });
  const algorithms = ['m.olm.v1.curve25519-aes-sha2'];
  const keys = { [`curve25519:${bob.deviceId}`]: 'a', [`ed25519:${bob.deviceId}`]: 'b' };
  const deviceKeys = {
    user_id: bob.userId,
    device_id: bob.deviceId,
    algorithms,
    keys,
    signatures: { [bob.userId]: { [`ed25519:${bob.deviceId}`]: 'c' } },
  };
  await bob.insist('POST', '/keys/upload', { device_keys: deviceKeys });
  t.same((await client.sync()).device_lists.changed, [bob.userId]);
  await bob.insist('POST', `/rooms/${enc(roomId)}/leave`, {});
  t.same((await client.sync()).device_lists, { changed: [], left: [bob.userId] });

  const waiting = client.sync({ timeout: '30000' });
  await alice.insist('POST', '/keys/upload', { one_time_keys: { 'test:1': 'key' } });
  t.same((await waiting).device_one_time_keys_count, { signed_curve25519: 0, test: 1 });
});

t.test('the sender of an event gets its transaction id back, others do not', async (t) => {
  const alice = await person(server, 'alice-echo');
  const bob = await person(server, 'bob-echo');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.insist('POST', `/rooms/${enc(roomId)}/join`, {});
  const clients = [follow(alice), follow(bob)];
  for (const client of clients) await client.sync();
  await alice.insist('PUT', `/rooms/${enc(roomId)}/send/test.event/my-txn`, {});
  const [own, other] = await Promise.all(
    clients.map(async (client) => (await client.sync()).rooms.join[roomId].timeline.events[0]),
  );
  t.equal(own.unsigned.transaction_id, 'my-txn');
  t.notOk(other.unsigned.transaction_id);
  t.equal(other.unsigned.membership, 'join');
});

t.test('what relates to an event is summed up where the timeline begins anew', async (t) => {
  const alice = await person(server, 'alice-relations');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const client = follow(alice, { room: { timeline: { limit: 2 } } });
  await client.sync();
  const original = await alice.say(roomId, 'tpyo');
  t.notOk((await client.sync()).rooms.join[roomId].timeline.events[0].unsigned['m.relations']);
  const edit = await alice.send(roomId, 'm.room.message', {
    msgtype: 'm.text',
    body: '* typo',
    'm.new_content': { msgtype: 'm.text', body: 'typo' },
    'm.relates_to': { rel_type: 'm.replace', event_id: original },
  });
  const { events } = (await client.ask({ since: '' })).rooms.join[roomId].timeline;
  t.equal(events[0].event_id, original);
  t.equal(events[0].unsigned['m.relations']['m.replace'].event_id, edit);
});

t.test('a redacted event is shown without its content, wherever it comes from', async (t) => {
  const alice = await person(server, 'alice-redact');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const client = follow(alice);
  await client.sync();
  const eventId = await alice.say(roomId, 'secret words');
  await client.ask();
  await alice.insist('PUT', `/rooms/${enc(roomId)}/redact/${enc(eventId)}/1`, { reason: 'oops' });
  for (const body of [await client.ask(), await follow(alice).ask()]) {
    t.notMatch(JSON.stringify(body), /secret words/);
    const events: SeenEvent[] = body.rooms.join[roomId].timeline.events;
    t.match(
      events.find((event) => event.event_id === eventId),
      { content: {}, unsigned: { redacted_because: { content: { reason: 'oops' } } } },
    );
  }
});

t.test(
  'an initial answer that its client did not wait for is there when it asks again',
  async (t) => {
    const alice = await person(server, 'alice-again');
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    const gone = new AbortController();
    const request = {
      ...alice,
      since: undefined,
      filter: {},
      fullState: false,
      useStateAfter: false,
    };
    const lost = waitForBody(server.context, request, { timeoutMs: 0, signal: gone.signal });
    gone.abort();
    const text = Buffer.concat((await lost).pieces).toString();
    await alice.say(roomId, 'meanwhile');
    const { signal } = new AbortController();
    const again = async () =>
      Buffer.concat(
        (await waitForBody(server.context, request, { timeoutMs: 0, signal })).pieces,
      ).toString();
    t.equal(await again(), text, 'the same, from which the client goes on');
    t.match(await again(), /meanwhile/, 'once it has got it, it is made anew');
    const [one, other] = [await again(), await again()];
    t.equal(one, other, 'unless nothing has happened');
  },
);

t.test('a sync waits for something to happen, and no longer than it is told', async (t) => {
  const alice = await person(server, 'alice-wait');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const client = follow(alice);
  await client.sync();
  const empty = await client.sync({ timeout: '30' });
  t.notOk(empty.rooms);
  const waiting = client.sync({ timeout: '60000' });
  await alice.say(roomId, 'wake up');
  t.same(textsIn((await waiting).rooms.join[roomId]), ['wake up']);
  const filtered = client.ask({
    timeout: '60000',
    filter: JSON.stringify({ room: { timeline: { types: ['m.wanted'] } } }),
  });
  await alice.say(roomId, 'not wanted');
  const wanted = await alice.send(roomId, 'm.wanted', {});
  const { events } = (await filtered).rooms.join[roomId].timeline;
  t.same(
    events.map((event: SeenEvent) => event.event_id),
    [wanted],
    'what the filter leaves out wakes nobody',
  );
});

t.test('a sync that waits ends with its session, and with the server', async (t) => {
  const alice = await person(server, 'alice-ended');
  const client = follow(alice);
  await client.sync();
  const waiting = alice.request('GET', `/sync?timeout=60000&since=${client.since}`);
  await alice.insist('POST', '/logout', {});
  const ended = await waiting;
  t.same([ended.status, ended.body.errcode], [401, 'M_UNKNOWN_TOKEN']);

  const other = await startTestServer(t);
  const bob = await person(other, 'bob');
  const first = await bob.insist('GET', '/sync?set_presence=offline');
  const last = bob.request('GET', `/sync?timeout=60000&since=${first.next_batch}`);
  const isWaiting = async () => other.context.sync.presence.of(bob.userId) !== undefined;
  await until(isWaiting);
  await other.stop();
  t.equal((await last).status, 200);
});

t.test('tokens of before a restart go on; what is no token is refused', async (t) => {
  const own = await startTestServer(t);
  const alice = await person(own, 'alice');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const client = new SyncClient(own, alice);
  await client.sync();
  await alice.say(roomId, 'before the restart');
  await own.restart();
  t.same(textsIn((await client.sync()).rooms.join[roomId]), ['before the restart']);
  await alice.say(roomId, 'after it');
  t.same(textsIn((await client.sync()).rooms.join[roomId]), ['after it']);
  for (const since of ['x', 's', 's-1', 't1-2', '1']) {
    const refused = await alice.request('GET', `/sync?since=${since}`);
    t.same([refused.status, refused.body.errcode], [400, 'M_INVALID_PARAM'], since);
  }
  const ahead = await alice.insist('GET', '/sync?since=s9007199254740991');
  t.ok(ahead.rooms.join[roomId].timeline, 'one that this server never gave begins anew');
});
