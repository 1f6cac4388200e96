import {
  authTypesFor,
  buildEvent,
  type EventTemplate,
  type RoomEvent,
  resolveState,
  type StateKey,
  signingKeyFromSeed,
  stateKeyOf,
} from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { appendReceived } from './append-received.ts';
import { commitSteps } from './commit-steps.ts';
import { createRoom } from './create-room.ts';
import { joinRoom } from './join-room.ts';
import { lastDeparture } from './last-departure.ts';
import { readMessages } from './read-messages.ts';
import { type Room, roomSettings } from './room.ts';
import { sendEvent } from './send-event.ts';
import { stateAfter, stateBefore } from './state-at.ts';
import { stateBeforeEvent } from './state-before-event.ts';
import { storeAside } from './store-aside.ts';

const alice = '@alice:here.example';
const bob = '@bob:there.example';
const key = signingKeyFromSeed('there', Buffer.alloc(32, 9));

/** An event of another server on the given predecessors, authorised by the state before it. */
const buildRemote = async (
  context: TestRooms,
  room: Room,
  prevEvents: readonly string[],
  template: EventTemplate,
): Promise<RoomEvent> => {
  const prev = await context.rooms.events.load(prevEvents);
  const [first] = prev.values();
  if (!first) throw new Error('no predecessor');
  const state = await stateAfter(context, first);
  const keys = authTypesFor(template, room.rules);
  return buildEvent(
    template,
    {
      roomId: room.roomId,
      prevEvents,
      authEvents: keys.flatMap((stateKey) => state.get(stateKey)?.eventId ?? []),
      depth: Math.max(...[...prev.values()].map(({ event }) => event.depth)) + 1,
    },
    room.rules,
    { serverName: 'there.example', key, originServerTs: context.now() },
  );
};

const receive = (
  context: TestRooms,
  roomId: string,
  prevEvents: readonly string[],
  template: EventTemplate,
  options: { readonly isSoftFailed?: boolean } = {},
): Promise<RoomEvent> =>
  context.rooms.write(roomId, async (room) => {
    const before = await stateBeforeEvent(context, room, prevEvents);
    if ('missing' in before) throw new Error(`missing ${before.missing}`);
    const event = await buildRemote(context, room, prevEvents, template);
    const step = await appendReceived(context, room, event, { stateBefore: before, ...options });
    await commitSteps(context, room, [step]);
    return event;
  });

const sharedRoom = async (context: TestRooms, version: string): Promise<string> => {
  const { roomId } = await createRoom(context, alice, {
    preset: 'public_chat',
    room_version: version,
    power_level_content_override: {
      users: version === '12' ? { [bob]: 100 } : { [alice]: 100, [bob]: 100 },
    },
  });
  const room = await context.rooms.get(roomId);
  await receive(context, roomId, room?.extremities ?? [], {
    type: 'm.room.member',
    stateKey: bob,
    sender: bob,
    content: { membership: 'join' },
  });
  return roomId;
};

const stateIds = (room: Room | undefined): Record<StateKey, string> =>
  Object.fromEntries([...(room?.state ?? [])].map(([name, { eventId }]) => [name, eventId]).sort());

/** State of the forward extremities, resolved from everything there is, without any of the shortcuts. */
const resolveNaively = async (context: TestRooms, room: Room) => {
  const rows = await context.db.sql
    .selectFrom('events')
    .select('event_id')
    .where('room_nid', '=', room.roomNid)
    .execute();
  const stored = await context.rooms.events.load(rows.map((row) => row.event_id));
  const sets = [];
  for (const eventId of room.extremities) {
    const one = stored.get(eventId);
    if (!one) throw new Error(`${eventId} is not stored`);
    const state = await stateAfter(context, one);
    sets.push(new Map([...state].map(([name, entry]) => [name, entry.eventId])));
  }
  const events = new Map([...stored].map(([eventId, one]) => [eventId, one.event]));
  return Object.fromEntries([...resolveState(sets, events, room.rules)].sort());
};

for (const version of ['10', '11', '12']) {
  t.test(`two servers change the state at the same time, in room version ${version}`, async (t) => {
    const context = await testRooms(t);
    const roomId = await sharedRoom(context, version);
    const fork = (await context.rooms.get(roomId))?.extremities ?? [];
    const topic = { type: 'm.room.topic', stateKey: '' };
    await sendEvent(context, { ...topic, roomId, sender: alice, content: { topic: 'ours' } });
    await receive(context, roomId, fork, { ...topic, sender: bob, content: { topic: 'theirs' } });
    const room = await context.rooms.get(roomId);
    t.equal(room?.extremities.length, 2);
    if (!room) throw new Error('no room');
    t.same(stateIds(room), await resolveNaively(context, room));
    t.same(stateIds(room), stateIds(await context.restarted().rooms.get(roomId)));
    const extremities = [...room.extremities].sort();
    const merging = await sendEvent(context, { roomId, sender: alice, type: 'x', content: {} });
    const merged = await context.rooms.events.loadOne(merging.eventId);
    t.same([...(merged?.event.prevEvents ?? [])].sort(), extremities);
    t.same(room.extremities, [merging.eventId]);
    const before = merged && (await stateBefore(context, merged));
    t.equal(before?.size, room.state.size);
  });
}

t.test('any graph of two servers leads to the resolved state, on disk as in memory', async (t) => {
  const context = await testRooms(t);
  const move = fc.record({
    kind: fc.constantFrom('topic', 'name', 'say', 'rule', 'ban', 'levels', 'ours'),
    back: fc.nat({ max: 3 }),
    two: fc.boolean(),
    word: fc.constantFrom('a', 'b', 'c'),
  });
  let forks = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('10', '11', '12'),
      fc.array(move, { minLength: 4, maxLength: 14 }),
      async (version, moves) => {
        const roomId = await sharedRoom(context, version);
        const line = [...((await context.rooms.get(roomId))?.extremities ?? [])];
        for (const { kind, back, two, word } of moves) {
          const template = templateOf(kind, word, version);
          if (kind === 'ours') {
            const sent = await sendEvent(context, { ...template, roomId, sender: alice });
            line.push(sent.eventId);
            continue;
          }
          const at = line.at(-1 - back) ?? line[0] ?? '';
          const other = line.at(-1) ?? '';
          const prev = two && other !== at ? [at, other] : [at];
          const event = await receive(context, roomId, prev, { ...template, sender: bob });
          line.push(event.eventId);
          const room = await context.rooms.get(roomId);
          if (!room) throw new Error('no room');
          if (room.extremities.length > 1) forks += 1;
          t.same(stateIds(room), await resolveNaively(context, room));
        }
        const room = await context.rooms.get(roomId);
        const restarted = await context.restarted().rooms.get(roomId);
        t.same(stateIds(room), stateIds(restarted));
        t.same(room?.extremities, restarted?.extremities);
        t.same([...(room?.joined ?? [])].sort(), [...(restarted?.joined ?? [])].sort());
        t.equal(room?.head?.hash, restarted?.head?.hash);
      },
    ),
    { numRuns: 15 },
  );
  t.ok(forks > 10, 'the graphs do fork');
});

const templateOf = (kind: string, word: string, version: string): EventTemplate => {
  const state = { sender: bob, stateKey: '' };
  switch (kind) {
    case 'topic':
      return { ...state, type: 'm.room.topic', content: { topic: word } };
    case 'name':
      return { ...state, type: 'm.room.name', content: { name: word } };
    case 'rule':
      return {
        ...state,
        type: 'm.room.join_rules',
        content: { join_rule: word === 'a' ? 'public' : 'invite' },
      };
    case 'ban':
      return {
        type: 'm.room.member',
        sender: bob,
        stateKey: `@${word}:there.example`,
        content: { membership: 'ban' },
      };
    case 'levels':
      return {
        ...state,
        type: 'm.room.power_levels',
        content: {
          users: {
            ...(version !== '12' && { [alice]: 100 }),
            [bob]: 100,
            '@x:y.example': word.length,
          },
          events_default: word === 'b' ? 1 : 0,
        },
      };
    default:
      return { sender: bob, type: 'org.example.message', content: { word } };
  }
};

t.test('a soft-failed event is kept, but changes nothing and is shown to nobody', async (t) => {
  const context = await testRooms(t);
  const roomId = await sharedRoom(context, '12');
  const room = await context.rooms.get(roomId);
  const before = { state: stateIds(room), extremities: room?.extremities };
  const told = context.told.length;
  const event = await receive(
    context,
    roomId,
    room?.extremities ?? [],
    { type: 'm.room.topic', stateKey: '', sender: bob, content: { topic: 'x' } },
    { isSoftFailed: true },
  );
  t.same({ state: stateIds(room), extremities: room?.extremities }, before);
  t.equal(context.told.length, told);
  t.ok(await context.restarted().rooms.events.loadOne(event.eventId));
  const page = await readMessages(
    context,
    { userId: alice },
    { roomId, direction: 'b', limit: 50 },
  );
  t.notOk(page.chunk.some((shown) => shown['event_id'] === event.eventId));
});

t.test('a redaction that comes before its event is applied when it comes', async (t) => {
  const context = await testRooms(t);
  const roomId = await sharedRoom(context, '12');
  const room = await context.rooms.get(roomId);
  const fork = room?.extremities ?? [];
  if (!room) throw new Error('no room');
  const late = await buildRemote(context, room, fork, {
    type: 'm.room.message',
    sender: bob,
    content: { msgtype: 'm.text', body: 'regretted' },
  });
  const redaction = await receive(context, roomId, fork, {
    type: 'm.room.redaction',
    sender: bob,
    content: {},
    redacts: late.eventId,
  });
  const reader = context.restarted();
  await reader.rooms.write(roomId, async (sameRoom) => {
    const stateBefore = await stateBeforeEvent(reader, sameRoom, fork);
    if ('missing' in stateBefore) throw new Error('missing');
    const step = await appendReceived(reader, sameRoom, late, { stateBefore });
    await commitSteps(reader, sameRoom, [step]);
  });
  const stored = await context.restarted().rooms.events.loadOne(late.eventId);
  t.same(stored?.event.content, {});
  t.equal(stored?.redactedBy, redaction.eventId);
});

t.test('backfilled and rejected events do not move the room', async (t) => {
  const context = await testRooms(t);
  const roomId = await sharedRoom(context, '11');
  const events = await context.rooms.write(roomId, async (room) => {
    const before = { state: stateIds(room), extremities: room.extremities };
    const stateBefore = await stateBeforeEvent(context, room, room.extremities);
    if ('missing' in stateBefore) throw new Error('missing');
    const message = { type: 'x', sender: bob, content: {} };
    const old = await buildRemote(context, room, room.extremities, message);
    const bad = await buildRemote(context, room, room.extremities, { ...message, type: 'y' });
    const steps = await storeAside(context, room, [
      { event: old, stateBefore, rejectedFor: null },
      { event: bad, stateBefore, rejectedFor: 'a rule' },
    ]);
    await commitSteps(context, room, steps);
    t.same({ state: stateIds(room), extremities: room.extremities }, before);
    return { old, bad };
  });
  const stored = await context
    .restarted()
    .rooms.events.load([events.old.eventId, events.bad.eventId]);
  t.ok((stored.get(events.old.eventId)?.position ?? 0) < 0);
  t.match(stored.get(events.bad.eventId), { position: null, rejectedFor: 'a rule' });
});

t.test('the last departure is found behind later changes', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  const user = '@carol:here.example';
  await joinRoom(context, { roomId, sender: user });
  const member = { roomId, sender: alice, type: 'm.room.member', stateKey: user };
  const kick = await sendEvent(context, { ...member, content: { membership: 'leave' } });
  await sendEvent(context, { ...member, content: { membership: 'ban' } });
  await sendEvent(context, { ...member, content: { membership: 'leave' } });
  const room = await context.rooms.get(roomId);
  if (!room) throw new Error('no room');
  t.equal((await lastDeparture(context, room, user))?.event.eventId, kick.eventId);
  t.equal(await lastDeparture(context, room, alice), undefined);
  t.ok(room.state.has(roomSettings.create) && room.state.has(stateKeyOf('m.room.member', user)));
});
