import type { Json } from '@candor/federation';
import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { errorOf, joinAsPeer, sealEvent } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(300_000);

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));
const carol = asPerson(await homeserver.register('carol'));
const enc = encodeURIComponent;

/** Content that the types do not allow for and that the rules of rooms let pass. */
const odd: readonly (readonly [type: string, stateKey: string, content: Record<string, Json>])[] = [
  ['m.room.name', '', { name: { a: 1 } }],
  ['m.room.topic', '', { topic: 7, 'm.topic': 'x' }],
  ['m.room.avatar', '', { url: [] }],
  ['m.room.canonical_alias', '', { alias: 7, alt_aliases: 'x' }],
  ['m.room.history_visibility', '', { history_visibility: 7 }],
  ['m.room.guest_access', '', { guest_access: [] }],
  ['m.room.pinned_events', '', { pinned: 7 }],
  ['m.room.tombstone', '', { replacement_room: 7 }],
  ['m.space.child', 'x', { via: 7, order: {} }],
  ['m.space.child', '!room:localhost', { via: [7, null] }],
  ['m.space.parent', '!room:localhost', { via: {} }],
  ['__proto__', '__proto__', { ['__proto__']: { polluted: true }, constructor: 7 }],
  ['constructor', 'prototype', { toString: null }],
  ['', '', {}],
];

const messages: readonly Record<string, Json>[] = [
  {},
  { body: 7, msgtype: null },
  { body: 'x', 'm.relates_to': 7 },
  { body: 'x', 'm.relates_to': { rel_type: 7, event_id: [] } },
  { body: 'x', 'm.relates_to': { rel_type: '__proto__', event_id: '$__proto__' } },
  { body: 'x', 'm.relates_to': { 'm.in_reply_to': 7 } },
  { body: 'x', 'm.new_content': 7, 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } },
  { body: 'x', 'm.mentions': 7, format: {}, url: 7, info: [] },
];

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

t.test('content that nobody expects fails no answer', async (t) => {
  const body = {
    preset: 'public_chat',
    visibility: 'public',
    room_version: '11',
    power_level_content_override: { users_default: 100 },
  };
  const roomId = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
  const first = await alice.send(roomId, 'an honest message');
  const events: readonly (Record<string, Json> & { readonly type: string })[] = [
    ...odd.map(([type, state_key, content]) => ({ type, state_key, content })),
    ...messages.map((content) => ({ type: 'm.room.message', content })),
    { type: 'm.reaction', content: { 'm.relates_to': { rel_type: 'm.annotation', key: 7 } } },
    { type: 'm.room.redaction', content: { redacts: 7, reason: [] } },
    {
      type: 'm.room.member',
      state_key: mallory.userId,
      content: { membership: 'join', displayname: { a: 1 }, avatar_url: 7, is_direct: 'x' },
    },
  ];
  for (const fields of events) {
    const event = mallory.make(fields);
    const answer = await mallory.send([event]);
    t.equal(answer.status, 200);
    if (errorOf(answer, event) === '') mallory.tip = event;
    else t.comment(`not taken: ${fields.type}: ${errorOf(answer, event)}`);
  }
  const room = `/v3/rooms/${enc(roomId)}`;
  await carol.call('POST', `${room}/join`, {});
  const reads = [
    '/v3/sync',
    `/v3/sync?filter=${enc(JSON.stringify({ room: { state: { lazy_load_members: true } } }))}`,
    `${room}/messages?dir=b&limit=100`,
    `${room}/state`,
    `${room}/members`,
    `${room}/joined_members`,
    `${room}/aliases`,
    `${room}/context/${enc(first)}`,
    `/v1/rooms/${enc(roomId)}/relations/${enc(first)}`,
    `/v1/rooms/${enc(roomId)}/threads`,
    `/v1/rooms/${enc(roomId)}/hierarchy`,
    `/v1/room_summary/${enc(roomId)}`,
    '/v3/publicRooms',
    '/v3/joined_rooms',
  ];
  for (const path of reads) {
    for (const one of [alice, carol]) {
      const answer = await one.call('GET', path).catch((error: Error) => error.message);
      t.ok(isPlain(answer), typeof answer === 'string' ? answer : path);
    }
  }
  await carol.call('POST', '/v3/user_directory/search', { search_term: 'mallory' });
  await carol.call('POST', '/v3/publicRooms', { filter: { generic_search_term: 'x' } });
  t.notOk('polluted' in {}, 'and no prototype is touched');
  t.ok((await carol.timeline(roomId, 100)).some((event) => event.event_id === first));
  const path = `/_matrix/federation/v1/backfill/${enc(roomId)}?v=${enc(mallory.tip.eventId)}&limit=100`;
  t.equal((await peer.ask(homeserver, 'GET', path)).status, 200);
  t.notMatch(await homeserver.logs(), /"level":"(error|fatal)"/);
});

const depthOf = (value: unknown): number =>
  isPlain(value)
    ? Object.entries(value).reduce(
        (deepest, [key, part]) =>
          Math.max(deepest, depthOf(part) + (key === 'latest_event' ? 1 : 0)),
        0,
      )
    : 0;

t.test('threads within threads within threads cost one look', async (t) => {
  const body = { preset: 'public_chat', room_version: '11' };
  const roomId = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'spinner');
  mallory.tip = mallory.say('root');
  const chain = [mallory.tip];
  for (let count = 0; count < 49; count += 1) {
    const relation = { rel_type: 'm.thread', event_id: mallory.tip.eventId };
    mallory.tip = mallory.make({ content: { body: 'x', 'm.relates_to': relation } });
    chain.push(mallory.tip);
  }
  t.equal((await mallory.send(chain)).status, 200);
  const page = await alice.timeline(roomId, 100);
  t.ok(page.length >= chain.length);
  t.equal(depthOf(page), 1);
});

t.test('an invitation with broken stripped state is shown without what is broken', async (t) => {
  const made = await alice.call('POST', '/v3/createRoom', {
    preset: 'public_chat',
    room_version: '11',
  });
  const { rules } = await joinAsPeer(peer, homeserver, String(made['room_id']), 'inviter');
  const roomId = `!stripped:${peer.serverName}`;
  const sender = `@inviter:${peer.serverName}`;
  const { eventId, pdu } = sealEvent(peer, rules, {
    room_id: roomId,
    type: 'm.room.member',
    sender,
    state_key: carol.userId,
    content: { membership: 'invite', displayname: 7, is_direct: 'yes' },
    origin_server_ts: 1,
    prev_events: ['$p'],
    auth_events: ['$a'],
    depth: 3,
  });
  const good = { type: 'm.room.name', state_key: '', sender, content: { name: 'a good name' } };
  const broken: readonly Json[] = [
    null,
    7,
    'x',
    [],
    {},
    { ...good, content: 7 },
    { ...good, sender: null },
    { ...good, state_key: 7 },
    { ...good, type: {} },
    { ...good, sender: 'nobody' },
    { ...good, type: '__proto__', content: { name: { deep: [1, null] } } },
  ];
  const path = `/_matrix/federation/v2/invite/${enc(roomId)}/${enc(eventId)}`;
  const shown = { room_version: '11', event: pdu, invite_room_state: [...broken, good] };
  const answer = await peer.ask(homeserver, 'PUT', path, shown);
  t.ok([200, 400].includes(answer.status), `${answer.status}`);
  if (answer.status === 400) {
    const again = { ...shown, invite_room_state: broken.filter(isPlain).concat(good) as Json[] };
    t.equal((await peer.ask(homeserver, 'PUT', path, again)).status, 200);
  }
  const sync = JSON.stringify(await carol.call('GET', '/v3/sync'));
  t.match(sync, 'a good name');
  await carol.call('POST', `/v3/rooms/${enc(roomId)}/leave`, {});
  t.notMatch(await homeserver.logs(), /"level":"(error|fatal)"/);
});

t.test(
  'EDUs speak for users of their own server, in rooms they are in, or for nobody',
  async (t) => {
    const body = { preset: 'public_chat', room_version: '11' };
    const roomId = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
    const elsewhere = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
    const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
    await carol.call('POST', `/v3/rooms/${enc(roomId)}/join`, {});
    const eventId = await alice.send(roomId, 'read by whom?');
    const since = (await alice.call('GET', '/v3/sync'))['next_batch'];
    const absent = `@absent:${peer.serverName}`;
    const third = '@third:elsewhere.test';
    const ephemeral = (userId: string, room = roomId): Json[] => [
      {
        edu_type: 'm.receipt',
        content: { [room]: { 'm.read': { [userId]: { data: { ts: 1 }, event_ids: [eventId] } } } },
      },
      { edu_type: 'm.typing', content: { room_id: room, user_id: userId, typing: true } },
    ];
    const told = (userId: string): Json[] => [
      {
        edu_type: 'm.presence',
        content: {
          push: [{ user_id: userId, presence: 'online', status_msg: 'forged', last_active_ago: 1 }],
        },
      },
      {
        edu_type: 'm.direct_to_device',
        content: {
          sender: userId,
          type: 'x.forged',
          message_id: `m${userId}`,
          messages: { [alice.userId]: { '*': { forged: true } } },
        },
      },
      {
        edu_type: 'm.device_list_update',
        content: { user_id: userId, device_id: 'FORGED', stream_id: 1, prev_id: [] },
      },
      { edu_type: 'm.signing_key_update', content: { user_id: userId } },
    ];
    const junk = [null, 7, {}, { edu_type: 7 }, { edu_type: 'm.typing', content: 7 }].concat(
      ['m.receipt', 'm.presence', 'm.typing', 'm.direct_to_device', 'm.device_list_update'].flatMap(
        (edu_type): Json[] => [
          { edu_type, content: {} },
          {
            edu_type,
            content: {
              push: [null, 7],
              messages: 7,
              [roomId]: { 'm.read': { [mallory.userId]: 7 } },
            },
          },
        ],
      ) as never,
    );
    const forged = [
      ...[carol.userId, alice.userId, third].flatMap((userId) => [
        ...ephemeral(userId),
        ...told(userId),
      ]),
      ...ephemeral(absent),
      ...ephemeral(mallory.userId, elsewhere),
    ];
    const heard = async () =>
      JSON.stringify({ ...(await alice.call('GET', `/v3/sync?since=${since}`)), next_batch: '' });
    t.equal((await mallory.send([], [...(junk as Json[]), ...forged])).status, 200);
    const silent = await heard();
    for (const trace of [
      'm.receipt',
      'm.typing',
      'x.forged',
      '"status_msg":"forged"',
      third,
      absent,
    ]) {
      t.notMatch(silent, trace);
    }
    const keys = await alice.call('POST', '/v3/keys/query', {
      device_keys: { [carol.userId]: [] },
    });
    t.notMatch(JSON.stringify(keys), 'FORGED');
    await mallory.send([], [...ephemeral(mallory.userId), ...told(mallory.userId)]);
    const loud = await heard();
    for (const trace of ['m.receipt', 'm.typing', 'x.forged', '"status_msg":"forged"'])
      t.match(loud, trace);
    t.notMatch(await homeserver.logs(), /"level":"(error|fatal)"/);
  },
);
