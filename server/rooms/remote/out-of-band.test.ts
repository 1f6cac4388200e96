import { buildEvent, eventFromPdu, type Pdu, type RoomEvent, stateKeyOf } from '@candor/federation';
import t from 'tap';
import { readMembership } from '../../storage/memberships.ts';
import { person } from '../../testing/federated-rooms.ts';
import { startTestNetwork } from '../../testing/start-network.ts';
import type { TestServer } from '../../testing/start-server.ts';
import type { Room } from '../room.ts';
import { readShownState } from '../stripped-state.ts';
import { askPeer } from './ask-peer.ts';
import { importOutliers } from './import-outliers.ts';
import { receiveEvent } from './receive-event.ts';
import { isUnjudged } from './unjudged.ts';

const [a, b] = await startTestNetwork(t, 2);

const roomOn = async ({ context }: TestServer, roomId: string): Promise<Room> => {
  const room = await context.rooms.get(roomId);
  if (!room) throw new Error('the room is not known');
  return room;
};

/** An invitation that the first server signs and hands over to the second, and that it does not put into the room. */
const inviteAside = async (roomId: string, sender: string, target: string): Promise<RoomEvent> => {
  const { context } = a;
  const room = await roomOn(a, roomId);
  const { rules } = room;
  const authEvents = [
    ...(rules.roomIdIsCreateHash ? [] : [stateKeyOf('m.room.create', '')]),
    stateKeyOf('m.room.power_levels', ''),
    stateKeyOf('m.room.join_rules', ''),
    stateKeyOf('m.room.member', sender),
  ].flatMap((key) => room.state.get(key)?.eventId ?? []);
  const { eventId, pdu } = buildEvent(
    { type: 'm.room.member', stateKey: target, sender, content: { membership: 'invite' } },
    { roomId, prevEvents: room.extremities, authEvents, depth: room.depth + 1 },
    rules,
    { serverName: a.serverName, key: context.federation.signingKey, originServerTs: Date.now() },
  );
  const shown = await readShownState(room, context.rooms.events);
  const answer = await askPeer(context, {
    server: b.serverName,
    method: 'PUT',
    path: ['v2', 'invite', roomId, eventId],
    content: {
      room_version: rules.version,
      event: pdu,
      invite_room_state: shown.map((event) => event.pdu),
    },
  });
  return eventFromPdu(answer['event'] as Pdu, eventId, roomId, rules);
};

const storedOn = async ({ context }: TestServer, eventId: string) => {
  const stored = await context.rooms.events.loadOne(eventId);
  if (!stored) throw new Error('the event is not stored');
  return stored;
};

for (const version of ['11', '12']) {
  t.test(`in version ${version}, an invitation is judged once its room is here`, async (t) => {
    const alice = await person(a, `alice${version}`);
    const mallory = await person(a, `mallory${version}`);
    const bob = await person(b, `bob${version}`);
    const carol = await person(b, `carol${version}`);
    const roomId = await alice.createRoom({ room_version: version, invite: [carol.userId] });
    const forged = await inviteAside(roomId, mallory.userId, bob.userId);
    t.ok(isUnjudged(await storedOn(b, forged.eventId)), 'taken on the word of its sender');
    const { eventId } = (await readMembership(
      b.context.db,
      (
        await roomOn(b, roomId)
      ).roomNid,
      carol.userId,
    )) ?? { eventId: '' };
    t.ok(isUnjudged(await storedOn(b, eventId)), 'an honest one too');

    await carol.join(roomId, a);
    t.match(await storedOn(b, eventId), { isSoftFailed: false, rejectedFor: null });
    await importOutliers(b.context, { roomId, server: a.serverName }, [forged]);
    const judged = await storedOn(b, forged.eventId);
    t.match(judged, { isOutlier: true, isSoftFailed: false, rejectedFor: /sender/ });

    const me = `/rooms/${encodeURIComponent(roomId)}/join`;
    t.match(await bob.request('POST', me, {}), { status: 403 }, 'it opens no door');
    await b.restart();
    t.match(await storedOn(b, forged.eventId), { isSoftFailed: false, rejectedFor: /sender/ });
    t.match(await storedOn(b, eventId), { isSoftFailed: false, rejectedFor: null });
  });
}

t.test('who is invited joins before the room here has heard of the invitation', async (t) => {
  const alice = await person(a, 'alice');
  const bob = await person(b, 'bob');
  const carol = await person(b, 'carol');
  const roomId = await alice.createRoom({ invite: [carol.userId] });
  const invitation = await inviteAside(roomId, alice.userId, bob.userId);
  await carol.join(roomId, a);
  const room = await roomOn(b, roomId);
  t.equal(room.memberEntry(bob.userId), undefined, 'the room came without the invitation');

  // From here on the second server is told nothing that it does not ask for.
  await a.context.federation.sender.stop();
  const source = { roomId, server: b.serverName };
  t.match(await receiveEvent(a.context, source, invitation), { kind: 'accepted' });
  await bob.insist('POST', `/rooms/${encodeURIComponent(roomId)}/join`, {});
  t.ok((await roomOn(a, roomId)).joined.has(bob.userId));
  t.ok((await roomOn(b, roomId)).joined.has(bob.userId));

  const dave = await person(b, 'dave');
  const path = `/rooms/${encodeURIComponent(roomId)}/join`;
  t.match(await dave.request('POST', path, {}), {
    status: 403,
    body: { errcode: 'M_FORBIDDEN' },
  });
});
