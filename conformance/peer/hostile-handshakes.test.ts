import { isObject, type JsonObject } from '@candor/federation';
import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { joinAsPeer, sealEvent } from './peer-in-room.ts';
import type { PeerQuestion } from './scripted-peer.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(300_000);

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));
const enc = encodeURIComponent;

const createRoom = async (body: object): Promise<string> =>
  String((await alice.call('POST', '/v3/createRoom', body))['room_id']);

const status = (promise: Promise<unknown>): Promise<number> =>
  promise.then(
    () => 200,
    (error: Error) => Number(/: (\d{3}) /.exec(error.message)?.[1]),
  );

t.test('nothing is signed for a peer but what was asked for', async (t) => {
  const roomId = `!room:${peer.serverName}`;
  const other = `@other:${homeserver.serverName}`;
  const good = {
    type: 'm.room.member',
    room_id: roomId,
    sender: alice.userId,
    state_key: alice.userId,
    content: { membership: 'join' },
    prev_events: ['$p'],
    auth_events: ['$a'],
    depth: 5,
    origin_server_ts: 1,
  };
  const many = (size: number) => Array.from({ length: size }, (_, i) => `$${i}`);
  const templates: Readonly<Record<string, object>> = {
    'another room': { ...good, room_id: `!elsewhere:${peer.serverName}` },
    'another sender': { ...good, sender: other },
    'another state key': { ...good, state_key: other },
    'no state key': { ...good, state_key: undefined },
    'another type': { ...good, type: 'm.room.power_levels' },
    'another membership': { ...good, content: { membership: 'leave' } },
    'no membership': { ...good, content: {} },
    'too many prev_events': { ...good, prev_events: many(21) },
    'too many auth_events': { ...good, auth_events: many(11) },
    'a depth out of range': { ...good, depth: 2 ** 60 },
    'no object': [good],
  };
  let offered: object = good;
  let version: unknown = '11';
  const sent: PeerQuestion[] = [];
  peer.answer((question) => {
    const [, verb = ''] = question.path;
    if (verb.startsWith('make_')) return { body: { room_version: version, event: offered } };
    if (!verb.startsWith('send_')) return undefined;
    sent.push(question);
    return { status: 403, body: { errcode: 'M_FORBIDDEN', error: 'no' } };
  });
  const join = () =>
    status(alice.call('POST', `/v3/join/${enc(roomId)}?via=${enc(peer.serverName)}`, {}));
  const knock = () =>
    status(alice.call('POST', `/v3/knock/${enc(roomId)}?via=${enc(peer.serverName)}`, {}));
  for (const [what, template] of Object.entries(templates)) {
    offered = template;
    t.equal(await join(), 502, `a join with ${what}`);
    offered = JSON.parse(JSON.stringify(template).replace('"join"', '"knock"')) as object;
    t.equal(await knock(), 502, `a knock with ${what}`);
  }
  offered = good;
  for (version of ['9', '99', 11, undefined]) t.equal(await join(), 502, `version ${version}`);
  t.equal(sent.length, 0, 'nothing was handed in');

  version = '11';
  offered = { ...good, redacts: '$x', extra: 1, content: { membership: 'join', extra: { a: 1 } } };
  t.equal(await join(), 403, 'the refusal is passed on');
  const body = sent[0]?.body;
  t.ok(isObject(body));
  const keys = Object.keys(isObject(body) ? body : {}).sort();
  t.notOk(keys.includes('redacts') || keys.includes('extra'), `unknown fields go: ${keys}`);
  t.strictSame(isObject(body) && isObject(body['content']) && body['content']['extra'], undefined);
});

t.test(
  'a refusal is passed on, but nothing that a client would take for its own server’s',
  async (t) => {
    const roomId = `!refusing:${peer.serverName}`;
    const refusalAfter = async (status: number, refusal: object) => {
      peer.answer(({ path }) => (path[1] === 'make_join' ? { status, body: refusal } : undefined));
      const path = `/v3/join/${enc(roomId)}?via=${enc(peer.serverName)}`;
      const error = await alice.call('POST', path, {}).catch((reason: Error) => reason.message);
      const [, code, body] = /: (\d{3}) (\{.*\})/.exec(String(error)) ?? [];
      const { errcode, room_version } = JSON.parse(body ?? '{}') as Record<string, unknown>;
      return [Number(code), errcode, ...(room_version === undefined ? [] : [room_version])];
    };
    for (const [status, refusal, expected] of [
      [403, { errcode: 'M_FORBIDDEN' }, [403, 'M_FORBIDDEN']],
      [404, { errcode: 'M_NOT_FOUND' }, [404, 'M_NOT_FOUND']],
      [
        400,
        { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', room_version: '99' },
        [400, 'M_INCOMPATIBLE_ROOM_VERSION', '99'],
      ],
      [401, { errcode: 'M_UNAUTHORIZED' }, [403, 'M_FORBIDDEN']],
      [401, { errcode: 'M_UNKNOWN_TOKEN' }, [403, 'M_FORBIDDEN']],
      [403, { errcode: 'M_UNKNOWN_TOKEN', soft_logout: false }, [403, 'M_UNKNOWN']],
      [400, { errcode: 'M_USER_DEACTIVATED' }, [400, 'M_UNKNOWN']],
      [400, { errcode: 'ORG.EXAMPLE.ODD' }, [400, 'M_UNKNOWN']],
      [404, {}, [502, 'M_CONNECTION_FAILED']],
      [500, { errcode: 'M_FORBIDDEN' }, [502, 'M_CONNECTION_FAILED']],
    ] as const) {
      t.strictSame(await refusalAfter(status, refusal), expected, JSON.stringify(refusal));
    }
  },
);

t.test('only invitations of its own users to ours are signed', async (t) => {
  const rules = (
    await joinAsPeer(
      peer,
      homeserver,
      await createRoom({ preset: 'public_chat', room_version: '11' }),
      'inviter',
    )
  ).rules;
  const sender = `@inviter:${peer.serverName}`;
  const roomId = `!invites:${peer.serverName}`;
  const fields = {
    room_id: roomId,
    type: 'm.room.member',
    sender,
    state_key: alice.userId,
    content: { membership: 'invite' },
    origin_server_ts: 1,
    prev_events: ['$p'],
    auth_events: ['$a'],
    depth: 3,
  };
  const invite = (
    changed: object,
    { id, version = '11' }: { id?: string; version?: string } = {},
  ) => {
    const { eventId, pdu } = sealEvent(peer, rules, { ...fields, ...changed });
    const path = `/_matrix/federation/v2/invite/${enc(roomId)}/${enc(id ?? eventId)}`;
    return peer.ask(homeserver, 'PUT', path, {
      room_version: version,
      event: pdu,
      invite_room_state: [],
    });
  };
  const ours = `@somebody:${homeserver.serverName}`;
  const bad: Readonly<Record<string, object>> = {
    'not a member event': { type: 'm.room.topic', state_key: '' },
    'a join': { content: { membership: 'join' } },
    'a ban': { content: { membership: 'ban' } },
    'a sender of ours': { sender: ours },
    'an invited user of theirs': { state_key: sender },
    'another room': { room_id: `!other:${peer.serverName}` },
    'a hash that does not match': { hashes: { sha256: 'AAAA' } },
  };
  for (const [what, changed] of Object.entries(bad)) {
    const answer = await invite(changed);
    t.match(answer, { status: 400, json: { errcode: 'M_INVALID_PARAM' } }, what);
  }
  t.match(await invite({}, { id: '$another' }), { status: 400 }, 'another id');
  t.match(await invite({}, { version: '99' }), {
    status: 400,
    json: { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', room_version: '99' },
  });
  t.match(await invite({ state_key: `@nobody:${homeserver.serverName}` }), { status: 404 });
  const good = await invite({});
  t.equal(good.status, 200);
  const { event } = good.json as { event: { signatures: JsonObject } };
  t.strictSame(
    Object.keys(event.signatures).sort(),
    [homeserver.serverName, peer.serverName].sort(),
  );
  const version12 = await invite({ room_id: `!${'A'.repeat(43)}` }, { version: '12' });
  t.match(version12, { status: 400, json: { errcode: 'M_INVALID_PARAM' } });
});

t.test(
  'a join, leave or knock is handed in by the server of its user only, whole and signed',
  async (t) => {
    const roomId = await createRoom({ preset: 'public_chat', room_version: '11' });
    const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
    const userId = `@guest:${peer.serverName}`;
    const made = await peer.ask(
      homeserver,
      'GET',
      `/_matrix/federation/v1/make_join/${enc(roomId)}/${enc(userId)}?ver=11`,
    );
    const { event } = made.json as { event: JsonObject };
    const send = (verb: string, changed: object, id?: string) => {
      const sealed = sealEvent(peer, mallory.rules, { ...event, origin_server_ts: 5, ...changed });
      const path = `/_matrix/federation/${verb}/${enc(roomId)}/${enc(id ?? sealed.eventId)}`;
      return peer.ask(homeserver, 'PUT', path, sealed.pdu);
    };
    const refused = { status: 400, json: { errcode: 'M_INVALID_PARAM' } };
    const bad: Readonly<Record<string, object>> = {
      'of another membership': { content: { membership: 'ban' } },
      'of another type': { type: 'm.room.topic' },
      'for somebody else': { state_key: mallory.userId },
      'of a user of ours': { sender: alice.userId, state_key: alice.userId },
      'of another room': { room_id: `!other:${peer.serverName}` },
      'with a wrong hash': { hashes: { sha256: 'AAAA' } },
    };
    for (const verb of ['v2/send_join', 'v2/send_leave', 'v1/send_knock']) {
      for (const [what, changed] of Object.entries(bad)) {
        t.match(await send(verb, changed), refused, `${verb} ${what}`);
      }
      t.match(await send(verb, {}, '$another'), refused, `${verb} under another id`);
    }
    t.match(await send('v1/send_knock', {}), refused, 'a join is no knock');
    const ask = (path: string) => peer.ask(homeserver, 'GET', `/_matrix/federation/v1/${path}`);
    const room = enc(roomId);
    t.match(await ask(`make_join/${room}/${enc(alice.userId)}?ver=11`), { status: 403 });
    t.match(await ask(`make_join/${room}/${enc(userId)}?ver=1&ver=2`), {
      status: 400,
      json: { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', room_version: '11' },
    });
    t.match(await ask(`make_join/${enc('!none:a.test')}/${enc(userId)}?ver=11`), { status: 404 });
    t.match(
      await ask(`make_knock/${room}/${enc(userId)}?ver=11`),
      { status: 403 },
      'a public room',
    );
    t.match(await ask(`make_leave/${room}/${enc(userId)}`), { status: 403 }, 'who is not in it');
    t.match(await send('v2/send_join', {}), { status: 200 });
    const stored = await peer.ask(
      homeserver,
      'GET',
      `/_matrix/federation/v1/make_leave/${room}/${enc(userId)}`,
    );
    t.equal(stored.status, 200);
  },
);

t.test(
  'servers outside a room learn nothing about it, and inside only what their users may see',
  async (t) => {
    const content = { history_visibility: 'joined' };
    const roomId = await createRoom({
      preset: 'public_chat',
      room_version: '11',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content }],
    });
    const secret = await alice.send(roomId, 'before anybody came');
    const room = enc(roomId);
    const ask = (path: string) => peer.ask(homeserver, 'GET', `/_matrix/federation/v1/${path}`);
    const paths = [
      `event/${enc(secret)}`,
      `state/${room}?event_id=${enc(secret)}`,
      `state_ids/${room}?event_id=${enc(secret)}`,
      `event_auth/${room}/${enc(secret)}`,
      `backfill/${room}?v=${enc(secret)}&limit=10`,
    ];
    for (const path of paths) {
      const answer = await ask(path);
      t.match(answer, { status: 403, json: { errcode: 'M_FORBIDDEN' } }, path);
      t.notMatch(answer.bytes.toString(), /before anybody/);
    }
    const mallory = await joinAsPeer(peer, homeserver, roomId, 'late');
    for (const path of paths) {
      const answer = await ask(path);
      t.equal(answer.status, 200, path);
      t.notMatch(answer.bytes.toString(), /before anybody/, path);
    }
    const later = await alice.send(roomId, 'now that you are here');
    t.match((await ask(`event/${enc(later)}`)).bytes.toString(), /now that you are here/);
    const missing = await peer.ask(
      homeserver,
      'POST',
      `/_matrix/federation/v1/get_missing_events/${room}`,
      {
        earliest_events: [],
        latest_events: [mallory.join.eventId],
        limit: 50,
      },
    );
    t.equal(missing.status, 200);
    const { events } = missing.json as { events: readonly { depth: number }[] };
    t.ok(events.length > 5);
    const depths = events.map(({ depth }) => depth);
    t.strictSame(
      depths,
      depths.toSorted((one, other) => one - other),
      'the oldest first',
    );
    t.notMatch(missing.bytes.toString(), /before anybody/);
    t.match(await ask(`event/${enc('$nowhere')}`), { status: 404 });
    t.match(await ask(`state/${room}?event_id=${enc('$nowhere')}`), { status: 404 });
  },
);
