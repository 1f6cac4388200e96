import { isObject, type Json, type JsonObject, roomVersionRules } from '@candor/federation';
import t from 'tap';
import { asPerson, type Person } from '../interop/person.ts';
import { errorOf, type MadeEvent, sealEvent } from './peer-in-room.ts';
import { type ScriptedPeer, startScriptedPeer } from './scripted-peer.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(300_000);

// What another server says of a room that nobody here is in.
const { homeserver, peer, authority } = await startScene(t, { env: { CANDOR_RATE_LIMITS: 'on' } });
const stranger = await startScriptedPeer(authority);
t.teardown(() => stranger.close());
const enc = encodeURIComponent;

const rulesOf = (version: string) => {
  const rules = roomVersionRules(version);
  if (!rules) throw new Error(`no version ${version}`);
  return rules;
};

type Fields = Readonly<Record<string, Json | undefined>>;

let rooms = 0;

/** A room that exists only in what the peer says of it. */
const imagineRoom = (version: string) => {
  rooms += 1;
  const rules = rulesOf(version);
  const sender = `@inviter:${peer.serverName}`;
  const common = { sender, origin_server_ts: rooms, prev_events: [], auth_events: [], depth: 1 };
  const seal = (fields: Fields, by: ScriptedPeer = peer) =>
    sealEvent(by, rules, { ...common, ...fields });
  const created = (content: JsonObject = {}) =>
    seal({
      type: 'm.room.create',
      state_key: '',
      content: { room_version: version, ...content },
      ...(!rules.roomIdIsCreateHash && { room_id: `!r${rooms}:${peer.serverName}` }),
    });
  const create = created();
  const roomId = rules.roomIdIsCreateHash
    ? `!${create.eventId.slice(1)}`
    : `!r${rooms}:${peer.serverName}`;
  const state = (type: string, content: JsonObject, fields: Fields = {}, by = peer) =>
    seal({ room_id: roomId, type, state_key: '', content, ...fields }, by);
  const member = (target: string, membership: string, fields: Fields = {}, by = peer) =>
    state(
      'm.room.member',
      { membership },
      { state_key: target, prev_events: ['$p'], auth_events: ['$a'], depth: 3, ...fields },
      by,
    );
  return { roomId, sender, version, create, created, state, member };
};

type Room = ReturnType<typeof imagineRoom>;

const invite = (
  room: Room,
  person: Person,
  shown: readonly Json[],
  { fields, roomId = room.roomId }: { fields?: Fields; roomId?: string } = {},
) => {
  const { eventId, pdu } = room.member(person.userId, 'invite', { room_id: roomId, ...fields });
  const path = `/_matrix/federation/v2/invite/${enc(roomId)}/${enc(eventId)}`;
  return peer.ask(homeserver, 'PUT', path, {
    room_version: room.version,
    event: pdu,
    invite_room_state: shown,
  });
};

const shownTo = (person: Person, roomId: string, kind: 'invite' | 'knock' = 'invite') =>
  person.call<{ rooms?: Record<string, Record<string, Json>> }>('GET', '/v3/sync').then((sync) => {
    const part = sync.rooms?.[kind]?.[roomId];
    const state = isObject(part) ? part[`${kind}_state`] : undefined;
    return isObject(state) ? (state['events'] as readonly JsonObject[]) : undefined;
  });

const invalid = { status: 400, json: { errcode: 'M_INVALID_PARAM' } };
const seven = (pdu: JsonObject) => ({ ...pdu, depth: 7 });

t.test('of a room of version 12, every entry is of the room, whole and signed', async (t) => {
  const alice = asPerson(await homeserver.register('alice'));
  const room = imagineRoom('12');
  const other = imagineRoom('12');
  const create = room.create.pdu;
  const name = room.state('m.room.name', { name: 'Tea' });
  const bad: Readonly<Record<string, readonly Json[]>> = {
    'no create event': [name.pdu],
    'nothing at all': [],
    'the create event of another room': [other.create.pdu, name.pdu],
    'a create event that was changed': [
      { ...create, content: { room_version: '12', type: 'm.space' } },
    ],
    'a stripped entry': [
      create,
      { type: 'm.room.name', state_key: '', sender: room.sender, content: { name: 'Tea' } },
    ],
    'an entry of another room': [
      create,
      room.state('m.room.name', { name: 'Tea' }, { room_id: other.roomId }).pdu,
    ],
    'an entry that was changed': [create, { ...name.pdu, content: { name: 'Coffee' } }],
    'an entry with a field changed that the signature covers': [create, seven(name.pdu)],
    'an entry that another server signed': [
      create,
      room.state('m.room.name', { name: 'Tea' }, {}, stranger).pdu,
    ],
    'an entry that is no state': [create, room.state('m.x', {}, { state_key: undefined }).pdu],
    'an entry that is too large': [
      create,
      room.state('m.room.topic', { topic: 'x'.repeat(66_000) }).pdu,
    ],
    'an entry that is no object': [create, 7],
  };
  for (const [what, shown] of Object.entries(bad)) {
    t.match(await invite(room, alice, shown), invalid, what);
  }
  const fields = { auth_events: [room.create.eventId] };
  t.match(await invite(room, alice, [create], { fields }), invalid, 'a create event cited');
  t.equal(await shownTo(alice, room.roomId), undefined, 'nothing of it reaches a client');

  t.equal((await invite(room, alice, [name.pdu, create])).status, 200);
  const events = await shownTo(alice, room.roomId);
  t.match(events, [{ type: 'm.room.create' }, { type: 'm.room.name' }, { type: 'm.room.member' }]);
  for (const event of events ?? []) {
    t.strictSame(Object.keys(event).sort(), ['content', 'sender', 'state_key', 'type']);
  }
});

t.test('a room of another version, or closed to the inviter, is refused', async (t) => {
  const bob = asPerson(await homeserver.register('bob'));
  for (const version of ['10', '11']) {
    const room = imagineRoom(version);
    const lie = room.created({ room_version: '9' });
    t.match(await invite(room, bob, [lie.pdu]), invalid, version);
  }
  const room = imagineRoom('11');
  const closed = (creator: string) => ({
    type: 'm.room.create',
    state_key: '',
    sender: creator,
    content: { room_version: '11', 'm.federate': false },
  });
  t.match(await invite(room, bob, [closed(`@c:${stranger.serverName}`)]), {
    status: 403,
    json: { errcode: 'M_FORBIDDEN' },
  });
  t.equal((await invite(room, bob, [closed(room.sender)])).status, 200);
});

t.test('before version 12, what is wrong is left out, and there is an end to it', async (t) => {
  const carol = asPerson(await homeserver.register('carol'));
  const room = imagineRoom('11');
  const entry = (fields: Fields) => {
    const all = { type: 'm.room.name', state_key: '', sender: room.sender, content: {}, ...fields };
    return Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    ) as Json;
  };
  const long = 'x'.repeat(256);
  const broken = [
    entry({ sender: 'nobody' }),
    entry({ sender: `@${long}:example.org` }),
    entry({ state_key: undefined }),
    entry({ state_key: long }),
    entry({ type: long }),
    entry({ content: [] }),
    entry({ room_id: '!elsewhere:example.org' }),
    entry({ content: { name: 'x'.repeat(66_000) } }),
  ];
  const heavy = Array.from({ length: 20 }, (_, at) =>
    entry({ type: `x.heavy${at}`, content: { text: 'x'.repeat(30_000) } }),
  );
  const good = [
    room.create.pdu,
    entry({ content: { name: 'the first' } }),
    entry({ content: { name: 'the second' } }),
  ];
  t.equal((await invite(room, carol, [...broken, ...good, ...heavy])).status, 200);
  const events = (await shownTo(carol, room.roomId)) ?? [];
  t.equal(events[0]?.['type'], 'm.room.create', 'the create event first');
  const names = events.filter(({ type }) => type === 'm.room.name');
  t.match(names, [{ content: { name: 'the first' } }]);
  t.equal(names.length, 1);
  t.ok(events.every((event) => !('room_id' in event)));
  const bytes = Buffer.byteLength(JSON.stringify(events));
  t.ok(bytes > 30_000 && bytes < 70_000, `${bytes} bytes`);
});

/** Somebody here knocks at a room of the peer. */
const knockThere = async (person: Person, room: Room) => {
  const rules = rulesOf(room.version);
  peer.answer(({ path: [, verb, roomId] }) => {
    if (roomId !== room.roomId) return undefined;
    if (verb === 'make_knock') {
      const event = room.member(person.userId, 'knock', { sender: person.userId }).pdu;
      return { body: { room_version: rules.version, event } };
    }
    return verb === 'send_knock' ? { body: { knock_room_state: [room.create.pdu] } } : undefined;
  });
  const path = `/v3/knock/${enc(room.roomId)}?via=${enc(peer.serverName)}`;
  await person.call('POST', path, {});
};

let transactions = 0;

const tell = (by: ScriptedPeer, event: MadeEvent) => {
  transactions += 1;
  const path = `/_matrix/federation/v1/send/t${transactions}`;
  return by.ask(homeserver, 'PUT', path, {
    origin: by.serverName,
    origin_server_ts: Date.now(),
    pdus: [event.pdu],
  });
};

t.test('a knock or an invitation is ended by servers that are in the room', async (t) => {
  const dora = asPerson(await homeserver.register('dora'));
  const waits = async (room: Room, kind: 'invite' | 'knock') =>
    (await shownTo(dora, room.roomId, kind)) !== undefined;
  const by = (sender: string) => ({ sender });
  for (const version of ['11', '12']) {
    for (const kind of ['knock', 'invite'] as const) {
      const room = imagineRoom(version);
      if (kind === 'knock') await knockThere(dora, room);
      else await invite(room, dora, [room.create.pdu]);
      t.ok(await waits(room, kind), `${kind} ${version}`);
      for (const membership of ['leave', 'ban', 'join', 'knock', 'invite']) {
        const forged = room.member(
          dora.userId,
          membership,
          by(`@m:${stranger.serverName}`),
          stranger,
        );
        t.ok(errorOf(await tell(stranger, forged), forged), `a stranger's ${membership}`);
        const ours = room.member(dora.userId, membership, by(dora.userId), stranger);
        t.ok(errorOf(await tell(stranger, ours), ours), `a ${membership} in the name of the user`);
      }
      t.ok(await waits(room, kind), 'nothing of that ends it');
      const end = room.member(dora.userId, 'leave');
      t.equal(errorOf(await tell(peer, end), end), '');
      t.notOk(await waits(room, kind), 'the server in the room does');
    }
  }
  const relayed = imagineRoom('11');
  await knockThere(dora, relayed);
  const kick = relayed.member(dora.userId, 'leave', by(`@m:${stranger.serverName}`), stranger);
  t.equal(errorOf(await tell(peer, kick), kick), '', 'or passes on that somebody else does');
  t.notOk(await waits(relayed, 'knock'));
});

t.test('a server that floods with invitations is held back', async (t) => {
  const emil = asPerson(await homeserver.register('emil'));
  const refused = { status: 429, json: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: Number } };
  /** Invites until the answer is another one; how many had `status`, and that other one. */
  const flood = async (version: string, status: number) => {
    for (let count = 0; count < 500; count += 1) {
      const room = imagineRoom(version);
      const answer = await invite(room, emil, version === '12' ? [] : [room.create.pdu]);
      if (answer.status !== status) return { count, answer };
    }
    return undefined;
  };
  const taken = await flood('11', 200);
  t.match(taken, { answer: refused }, 'those that one user gets');
  t.ok((taken?.count ?? 0) >= 30, `after ${taken?.count}`);
  t.match(await flood('12', 400), { answer: refused }, 'and all of a server, also bad ones');
  t.notMatch(await homeserver.logs(), /"level":"(error|fatal)"/);
});
