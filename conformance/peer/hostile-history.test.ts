import type { Json, JsonObject } from '@candor/federation';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { asPerson } from '../interop/person.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { errorOf, joinAsPeer, sealEvent } from './peer-in-room.ts';
import { startScriptedPeer } from './scripted-peer.ts';

t.setTimeout(300_000);

const deployment = await startDeployment({ size: 2 });
t.teardown(() => deployment.stop());
const [homeserver] = deployment.servers;
const { other } = deployment;
const peer = await startScriptedPeer(deployment.authority);
const onlooker = await startScriptedPeer(deployment.authority);
t.teardown(() => Promise.all([peer.close(), onlooker.close()]));
const alice = asPerson(await homeserver.register('alice'));
const bob = asPerson(await other.register('bob'));
const enc = encodeURIComponent;

const algorithm = 'm.megolm.v1.aes-sha2';
const encrypted = {
  preset: 'public_chat',
  initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm } }],
};

/** A room on the first server where the peer has said something in plaintext, and gone on in ciphertext. */
const roomWithPlaintext = async () => {
  const roomId = String((await alice.call('POST', '/v3/createRoom', encrypted))['room_id']);
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
  const plain = mallory.say('readable-by-everybody');
  const sealed = mallory.make({
    type: 'm.room.encrypted',
    content: { algorithm, ciphertext: 'AAAA', session_id: 's' },
  });
  const answer = await mallory.send([plain, sealed]);
  t.equal(errorOf(answer, sealed), '');
  return { roomId, mallory, plain, sealed };
};

t.test('plaintext of an encrypted room is not passed on, whatever is built on it', async (t) => {
  const { roomId, plain, sealed } = await roomWithPlaintext();
  await joinAsPeer(onlooker, homeserver, roomId, 'onlooker');
  const asks: readonly (readonly ['GET' | 'POST', string, Json?])[] = [
    ['GET', `event/${enc(plain.eventId)}`],
    ['GET', `backfill/${enc(roomId)}?v=${enc(sealed.eventId)}&limit=10`],
    [
      'POST',
      `get_missing_events/${enc(roomId)}`,
      { earliest_events: [], latest_events: [sealed.eventId], limit: 10 },
    ],
  ];
  for (const [method, path, content] of asks) {
    const way = `/_matrix/federation/v1/${path}`;
    const answer = await onlooker.ask(homeserver, method, way, content);
    t.equal(answer.status, 200, path);
    t.notMatch(answer.bytes.toString(), /readable-by-everybody/, path);
    t.match(answer.bytes.toString(), '"m.room.message"', 'though the graph stays whole');
  }
});

t.test(
  'an invitation under a wrong version does not close the room to who is invited',
  async (t) => {
    const body = { preset: 'public_chat', room_version: '11' };
    const roomId = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
    const { rules, userId } = await joinAsPeer(peer, homeserver, roomId, 'poisoner');
    const { eventId, pdu } = sealEvent(peer, rules, {
      room_id: roomId,
      type: 'm.room.member',
      sender: userId,
      state_key: bob.userId,
      content: { membership: 'invite' },
      origin_server_ts: 1,
      prev_events: ['$p'],
      auth_events: ['$a'],
      depth: 3,
    });
    const path = `/_matrix/federation/v2/invite/${enc(roomId)}/${enc(eventId)}`;
    const content = { room_version: '10', event: pdu, invite_room_state: [] };
    t.equal((await peer.ask(other, 'PUT', path, content)).status, 200, 'it looks like any other');
    const join = `/v3/join/${enc(roomId)}?via=${enc(homeserver.serverName)}`;
    t.match(await bob.call('POST', join, {}), { room_id: roomId });
    const said = await alice.send(roomId, 'welcome');
    await waitUntil('the message', async () =>
      (await bob.timeline(roomId)).some(({ event_id: id }) => id === said),
    );
    const create = await bob.call('GET', `/v3/rooms/${enc(roomId)}/state/m.room.create`);
    t.equal(create['room_version'], '11');
    await other.stop();
    await other.start();
    t.ok(
      (await bob.timeline(roomId)).some(({ event_id: id }) => id === said),
      'also from the disk',
    );
  },
);

t.test('plaintext of an encrypted room does not come in as its history', async (t) => {
  const { roomId, mallory, plain, sealed } = await roomWithPlaintext();
  await bob.call('POST', `/v3/join/${enc(roomId)}?via=${enc(homeserver.serverName)}`, {});
  await homeserver.kill();
  const ids = [...mallory.state.values(), mallory.join].map(({ eventId }) => eventId);
  let isAsked = false;
  peer.answer(({ path }) => {
    const [, verb] = path;
    if (verb === 'state_ids') return { body: { pdu_ids: ids, auth_chain_ids: ids } };
    if (verb !== 'backfill') return undefined;
    isAsked = true;
    const pdus: readonly JsonObject[] = [sealed.pdu, plain.pdu];
    return { body: { origin: peer.serverName, origin_server_ts: 1, pdus } };
  });
  const shown = await bob.timeline(roomId, 100);
  t.ok(isAsked, 'the peer was asked for history');
  t.ok(
    shown.some(({ event_id: id }) => id === sealed.eventId),
    'ciphertext is taken',
  );
  t.notMatch(JSON.stringify(shown), /readable-by-everybody/);
});
