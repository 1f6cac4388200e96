import t from 'tap';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { maySee, visibleEvents } from './history-visibility.ts';
import { inviteUser } from './invite-user.ts';
import { joinRoom } from './join-room.ts';
import { forgetRoom, leaveRoom } from './leave-room.ts';
import { readEvent } from './read-event.ts';
import { readJoinedMembers, readMembers } from './read-members.ts';
import { readMessages } from './read-messages.ts';
import { readState, readStateEvent } from './read-state.ts';
import { banUser } from './remove-user.ts';
import { sendEvent } from './send-event.ts';

const alice = '@alice:here.example';
const bob = '@bob:here.example';
const refusal = (errcode: string) => ({ name: 'MatrixError', message: /./, errcode });

t.test('the five rules', async (t) => {
  for (const visibility of ['world_readable', 'shared', 'invited', 'joined', 'nonsense']) {
    for (const membership of ['join', 'invite', 'knock', 'leave', 'ban']) {
      for (const joinedLater of [true, false]) {
        const expected =
          visibility === 'world_readable' ||
          membership === 'join' ||
          (membership === 'invite' && visibility === 'invited') ||
          (joinedLater && (visibility === 'shared' || visibility === 'nonsense'));
        const name = `${visibility}, ${membership}, joined later: ${joinedLater}`;
        t.equal(maySee({ visibility, membership, joinedLater }), expected, name);
      }
    }
  }
});

const setVisibility = (context: TestRooms, roomId: string, visibility: string) =>
  sendEvent(context, {
    roomId,
    sender: alice,
    type: 'm.room.history_visibility',
    stateKey: '',
    content: { history_visibility: visibility },
  });

const say = async (context: TestRooms, roomId: string, body: string) => {
  const content = { msgtype: 'm.text', body };
  return sendEvent(context, { roomId, sender: alice, type: 'm.room.message', content });
};

/** What bob reads in the history, oldest first. */
const readBodies = async (context: TestRooms, roomId: string): Promise<unknown[]> => {
  const page = await readMessages(
    context,
    { userId: bob },
    { roomId, direction: 'f', limit: 100, filter: { types: ['m.room.message'] } },
  );
  return page.chunk.map(({ content }) => (content as { body?: string }).body);
};

/** A message at each stage of bob's way through a room. */
const storyOf = async (context: TestRooms, visibility: string): Promise<string> => {
  const { roomId } = await createRoom(context, alice, { preset: 'private_chat' });
  await setVisibility(context, roomId, visibility);
  await say(context, roomId, 'before');
  await inviteUser(context, { roomId, sender: alice, target: bob });
  await say(context, roomId, 'invited');
  await joinRoom(context, { roomId, sender: bob });
  await say(context, roomId, 'joined');
  await leaveRoom(context, { roomId, sender: bob });
  await say(context, roomId, 'left');
  await inviteUser(context, { roomId, sender: alice, target: bob });
  await joinRoom(context, { roomId, sender: bob });
  await say(context, roomId, 'back');
  await banUser(context, { roomId, sender: alice, target: bob });
  await say(context, roomId, 'banned');
  return roomId;
};

const stories: Record<string, readonly string[]> = {
  world_readable: ['before', 'invited', 'joined', 'left', 'back', 'banned'],
  shared: ['before', 'invited', 'joined', 'left', 'back'],
  invited: ['invited', 'joined', 'back'],
  joined: ['joined', 'back'],
};

for (const [visibility, bodies] of Object.entries(stories)) {
  t.test(`somebody who came and went in a room of ${visibility} history`, async (t) => {
    const context = await testRooms(t);
    const roomId = await storyOf(context, visibility);
    t.same(await readBodies(context, roomId), bodies);
    t.same(await readBodies(context.restarted(), roomId), bodies, 'also from the disk alone');
  });
}

t.test('the setting at the event counts, not the one of today', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  await say(context, roomId, 'shared');
  await setVisibility(context, roomId, 'joined');
  await say(context, roomId, 'hidden');
  const opened = await setVisibility(context, roomId, 'world_readable');
  await say(context, roomId, 'open');
  const closed = await setVisibility(context, roomId, 'joined');
  await say(context, roomId, 'hidden again');
  for (const change of [opened, closed]) {
    t.match(
      await readEvent(context, { userId: bob }, roomId, change.eventId),
      { event_id: change.eventId },
      'a change is seen when it is seen before or after it',
    );
  }
  await t.rejects(readBodies(context, roomId), refusal('M_FORBIDDEN'));
  await joinRoom(context, { roomId, sender: bob });
  t.same(await readBodies(context, roomId), ['shared', 'open']);
});

t.test('who left sees the room as it was left', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat', name: 'old' });
  await joinRoom(context, { roomId, sender: bob });
  const viewer = { userId: bob };
  const left = await sendEvent(context, {
    roomId,
    sender: bob,
    type: 'm.room.member',
    stateKey: bob,
    content: { membership: 'leave' },
  });
  const name = { roomId, sender: alice, type: 'm.room.name', stateKey: '' };
  await sendEvent(context, { ...name, content: { name: 'new' } });
  await joinRoom(context, { roomId, sender: '@carol:here.example' });
  const seen = await readStateEvent(context, viewer, roomId, 'm.room.name', '');
  t.match(seen, { content: { name: 'old' } });
  await t.rejects(readStateEvent(context, viewer, roomId, 'x', ''), refusal('M_NOT_FOUND'));
  const members = await readMembers(context, viewer, { roomId });
  t.same(members.map((event) => event['state_key']).sort(), [alice, bob]);
  const joined = await readMembers(context, viewer, { roomId, membership: 'join' });
  t.same(
    joined.map((event) => event['state_key']),
    [alice],
  );
  t.match(await readEvent(context, viewer, roomId, left.eventId), {
    event_id: left.eventId,
    unsigned: { membership: 'leave', prev_content: { membership: 'join' } },
  });
  await t.rejects(readJoinedMembers(context, bob, roomId), refusal('M_FORBIDDEN'));
  t.same(Object.keys(await readJoinedMembers(context, alice, roomId)), [
    alice,
    '@carol:here.example',
  ]);
  await forgetRoom(context, roomId, bob);
  await t.rejects(readState(context, viewer, roomId), refusal('M_FORBIDDEN'));
});

t.test('strangers see nothing, and events of other rooms are no events of this one', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  const elsewhere = await createRoom(context, alice, { preset: 'public_chat' });
  const sent = await say(context, elsewhere.roomId, 'elsewhere');
  const viewer = { userId: bob };
  const readings: readonly Promise<unknown>[] = [
    readState(context, viewer, roomId),
    readMembers(context, viewer, { roomId }),
    readMessages(context, viewer, { roomId, direction: 'b' }),
    readState(context, viewer, '!none:here.example'),
  ];
  for (const reading of readings) {
    await t.rejects(reading, refusal('M_FORBIDDEN'));
  }
  await t.rejects(readEvent(context, viewer, roomId, sent.eventId), refusal('M_NOT_FOUND'));
  await t.rejects(
    readEvent(context, { userId: alice }, roomId, sent.eventId),
    refusal('M_NOT_FOUND'),
  );
  await setVisibility(context, roomId, 'world_readable');
  t.ok((await readState(context, viewer, roomId)).length > 5, 'an open room may be looked into');
});

t.test('an event that was soft-failed or rejected is seen by nobody', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  const sent = await say(context, roomId, 'x');
  const room = await context.rooms.get(roomId);
  const stored = await context.rooms.events.loadOne(sent.eventId);
  if (!room || !stored) throw new Error('not stored');
  t.equal((await visibleEvents(context, room, alice, [stored])).length, 1);
  for (const change of [{ isSoftFailed: true }, { isOutlier: true }, { position: null }]) {
    t.same(await visibleEvents(context, room, alice, [{ ...stored, ...change }]), []);
  }
});
