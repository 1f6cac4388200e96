import { isObject, type Pdu, roomVersionRules, signEvent } from '@candor/federation';
import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { errorOf, joinAsPeer, type MadeEvent, sealEvent } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(300_000);

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));
const enc = encodeURIComponent;

t.test('a key is with its reader before the message that came with it', async (t) => {
  const body = { preset: 'public_chat', room_version: '11' };
  const roomId = await alice.createRoom(body);
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
  const { next_batch: since } = await alice.call('GET', '/v3/sync');
  const missing = mallory.say('what the message builds on');
  const message = mallory.say('what the key opens');
  let seen: unknown;
  peer.answer(async ({ path }) => {
    if (path[1] !== 'get_missing_events') return undefined;
    const changes = await alice.call('GET', `/v3/sync?since=${since}`);
    seen = changes['to_device'];
    return { body: { events: [missing.pdu] } };
  });
  const key = {
    edu_type: 'm.direct_to_device',
    content: {
      sender: mallory.userId,
      type: 'm.room_key',
      message_id: 'a key',
      messages: { [alice.userId]: { '*': { part: 1 } } },
    },
  };
  const answer = await mallory.send([message], [key]);
  t.equal(errorOf(answer, message), '', 'the message is taken');
  t.match(seen, { events: [{ sender: mallory.userId, content: { part: 1 } }] });
});

t.test('who is invited may join before the invitation is back', async (t) => {
  const roomId = await alice.createRoom({ preset: 'private_chat', room_version: '11' });
  const userId = `@early:${peer.serverName}`;
  const rules = roomVersionRules('11');
  if (!rules) throw new Error('room version 11');
  let joining: ReturnType<typeof peer.ask> | undefined;
  peer.answer(({ path, body }) => {
    if (path[1] !== 'invite' || !isObject(body)) return undefined;
    const asked = `/_matrix/federation/v1/make_join/${enc(roomId)}/${enc(userId)}?ver=11`;
    joining = peer.ask(homeserver, 'GET', asked);
    const { serverName, key } = peer.signer;
    return { body: { event: signEvent(body['event'] as Pdu, rules, serverName, key) } };
  });
  await alice.act(roomId, '/invite', { user_id: userId });
  t.match(await joining, { status: 200, json: { room_version: '11' } });
});

/** A user of the peer in a new public room, whom only later events bring to the homeserver. */
const unheardOf = async () => {
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
  const stateId = (type: string) => mallory.state.get(`${type} `)?.eventId ?? '';
  const [create, levels] = [stateId('m.room.create'), stateId('m.room.power_levels')];
  const sender = `@second:${peer.serverName}`;
  /** The next event of the second user, which cites their membership. */
  const next = (fields: Parameters<typeof mallory.make>[0], membership?: MadeEvent) => {
    const isMember = fields['type'] === 'm.room.member';
    const auth_events = [create, levels, ...(isMember ? [stateId('m.room.join_rules')] : [])];
    if (membership) auth_events.push(membership.eventId);
    mallory.tip = mallory.make({ sender, auth_events, ...fields });
    return mallory.tip;
  };
  const member = (displayname: string, before?: MadeEvent) => {
    const content = { membership: 'join', displayname };
    return next({ type: 'm.room.member', state_key: sender, content }, before);
  };
  return { roomId, mallory, next, member };
};

const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } };

t.test('what an event cites may be in the gap before it', async (t) => {
  const { roomId, mallory, next, member } = await unheardOf();
  const join = member('second');
  const message = next({}, join);
  peer.answer(({ path: [, what = ''] }) => {
    if (what === 'get_missing_events') return { body: { events: [join.pdu] } };
    return ['event', 'event_auth', 'state_ids', 'state'].includes(what) ? notFound : undefined;
  });
  t.equal(errorOf(await mallory.send([message]), message), '');
  t.equal((await alice.untilSeen(roomId, message.eventId)).event_id, message.eventId);
});

t.test('what an event cites may be in the state before the gap', async (t) => {
  const { roomId, mallory, next, member } = await unheardOf();
  const join = member('second');
  const renamed = member('third', join);
  const again = member('fourth', renamed);
  const message = next({}, again);
  const before = [...mallory.state.values(), mallory.join, join].map(({ eventId }) => eventId);
  let isStateTold = false;
  peer.answer(({ path: [, what = '', id], query }) => {
    if (what === 'get_missing_events') return { body: { events: [again.pdu] } };
    if (what === 'state_ids' && query.get('event_id') === renamed.eventId) {
      isStateTold = true;
      return { body: { pdu_ids: before, auth_chain_ids: [] } };
    }
    const asked = [join, renamed].find(({ eventId }) => eventId === id);
    if (what === 'event' && isStateTold && asked) return { body: { pdus: [asked.pdu] } };
    return ['event', 'event_auth', 'state_ids', 'state'].includes(what) ? notFound : undefined;
  });
  t.equal(errorOf(await mallory.send([message]), message), '');
  t.equal((await alice.untilSeen(roomId, message.eventId)).event_id, message.eventId);
});

t.test('a room that does not know of its invitation yet is asked again', async (t) => {
  const rules = roomVersionRules('11');
  if (!rules) throw new Error('room version 11');
  const roomId = `!late:${peer.serverName}`;
  const sender = `@inviter:${peer.serverName}`;
  const invite = async (userId: string) => {
    const { eventId, pdu } = sealEvent(peer, rules, {
      ...{ room_id: roomId, type: 'm.room.member', sender, state_key: userId },
      content: { membership: 'invite' },
      ...{ origin_server_ts: 1, prev_events: ['$p'], auth_events: ['$a'], depth: 3 },
    });
    const path = `/_matrix/federation/v2/invite/${enc(roomId)}/${enc(eventId)}`;
    const create = {
      type: 'm.room.create',
      state_key: '',
      sender,
      content: { room_version: '11' },
    };
    const body = { room_version: '11', event: pdu, invite_room_state: [create] };
    return peer.ask(homeserver, 'PUT', path, body);
  };
  let asked = 0;
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
  peer.answer(({ path: [, what, id] }) => {
    if (what !== 'make_join' || id !== roomId) return undefined;
    asked += 1;
    return asked === 1 ? forbidden : notFound;
  });
  const join = () => alice.act(roomId, '/join');
  await t.rejects(alice.call('POST', `/v3/join/${enc(roomId)}?via=${enc(peer.serverName)}`), /403/);
  t.equal(asked, 1, 'who is not invited is refused at once');
  t.equal((await invite(alice.userId)).status, 200);
  asked = 0;
  await t.rejects(join(), /404/);
  t.equal(asked, 2);
});
