import fc from 'fast-check';
import t from 'tap';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { passesFilter, type RoomEventFilter } from './event-filter.ts';
import { joinRoom } from './join-room.ts';
import { readEventContext } from './read-event.ts';
import { readMembers } from './read-members.ts';
import { readMessages } from './read-messages.ts';
import { sendEvent } from './send-event.ts';

const alice = '@alice:here.example';
const bob = '@bob:here.example';
const viewer = { userId: alice, deviceId: 'PHONE' };
const refusal = (errcode: string) => ({ name: 'MatrixError', message: /./, errcode });

const idsOf = (chunk: readonly { readonly [key: string]: unknown }[]) =>
  chunk.map((event) => event['event_id'] as string);

const filledRoom = async (context: TestRooms, messages: number) => {
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  await joinRoom(context, { roomId, sender: bob });
  const sent: string[] = [];
  for (let index = 0; index < messages; index += 1) {
    const { eventId } = await sendEvent(context, {
      roomId,
      sender: index % 2 === 0 ? alice : bob,
      type: 'm.room.message',
      content: {
        msgtype: 'm.text',
        body: `message ${index}`,
        ...(index % 5 === 0 && { url: 'mxc://here.example/x' }),
      },
      txn: { deviceId: 'PHONE', txnKey: roomId, txnId: `t${index}` },
    });
    sent.push(eventId);
  }
  return { roomId, sent };
};

t.test('pages of any size, in both directions, give each event once', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await filledRoom(context, 30);
  const whole = await readMessages(context, viewer, { roomId, direction: 'f', limit: 1_000 });
  const all = idsOf(whole.chunk);
  t.equal(whole.end, undefined);
  t.equal(all.length, 37);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('b' as const, 'f' as const),
      fc.integer({ min: 1, max: 12 }),
      async (direction, limit) => {
        const seen: string[] = [];
        let from: string | undefined;
        do {
          const page = await readMessages(context, viewer, { roomId, direction, from, limit });
          if (page.chunk.length > limit) throw new Error('too large a page');
          seen.push(...idsOf(page.chunk));
          from = page.end;
        } while (from !== undefined);
        t.same(direction === 'f' ? seen : seen.reverse(), all);
      },
    ),
    { numRuns: 12 },
  );
});

t.test('a page can be turned round, and stops where it is told to', async (t) => {
  const context = await testRooms(t);
  const { roomId, sent } = await filledRoom(context, 10);
  const back = { roomId, direction: 'b', limit: 4 } as const;
  const first = await readMessages(context, viewer, back);
  t.same(idsOf(first.chunk), sent.slice(6).reverse());
  const forth = await readMessages(context, viewer, {
    roomId,
    direction: 'f',
    from: first.end,
    limit: 100,
  });
  t.same(idsOf(forth.chunk), sent.slice(6));
  const second = await readMessages(context, viewer, { ...back, from: first.end });
  const stopped = await readMessages(context, viewer, { ...back, limit: 100, to: second.end });
  t.same(idsOf(stopped.chunk), sent.slice(2).reverse());
});

t.test('a token of a sync is a place in the history too', async (t) => {
  const context = await testRooms(t);
  const { roomId, sent } = await filledRoom(context, 6);
  const stored = await context.rooms.events.loadOne(sent[3] ?? '');
  const token = `s${stored?.position}`;
  const back = await readMessages(context, viewer, {
    roomId,
    direction: 'b',
    from: token,
    limit: 2,
  });
  t.same(idsOf(back.chunk), [sent[3], sent[2]]);
  const forth = await readMessages(context, viewer, { roomId, direction: 'f', from: token });
  t.same(idsOf(forth.chunk), sent.slice(4));
  const nonsense = readMessages(context, viewer, { roomId, direction: 'b', from: 'nonsense' });
  await t.rejects(nonsense, refusal('M_INVALID_PARAM'));
});

t.test('filters', async (t) => {
  const context = await testRooms(t);
  const { roomId, sent } = await filledRoom(context, 20);
  const read = async (filter: RoomEventFilter) => {
    const page = await readMessages(context, viewer, { roomId, direction: 'b', limit: 3, filter });
    return page;
  };
  const urls = await read({ contains_url: true });
  t.same(idsOf(urls.chunk), [sent[15], sent[10], sent[5]]);
  t.same(idsOf((await read({ senders: [bob] })).chunk), [sent[19], sent[17], sent[15]]);
  t.same(idsOf((await read({ not_senders: [bob] })).chunk), [sent[18], sent[16], sent[14]]);
  t.equal((await read({ types: ['m.room.topic'] })).chunk.length, 0);
  t.equal((await read({ not_types: ['m.room.*'] })).chunk.length, 0);
  const lazy = await read({ senders: [bob], lazy_load_members: true });
  t.same(
    lazy.state?.map((event) => event['state_key']),
    [bob],
  );
});

t.test('wildcards in types', async (t) => {
  const passes = (pattern: string, type: string) =>
    passesFilter({ types: [pattern] }, { type, sender: alice, roomId: '!r', content: {} } as never);
  for (const [pattern, type, expected] of [
    ['m.room.*', 'm.room.message', true],
    ['m.room.*', 'm.sticker', false],
    ['*', 'anything', true],
    ['*.message', 'm.room.message', true],
    ['m.*.m*ge', 'm.room.message', true],
    ['m.*m', 'm', false],
    ['aa*aa', 'aaa', false],
    ['a.b', 'axb', false],
  ] as const) {
    t.equal(passes(pattern, type), expected, `${pattern} on ${type}`);
  }
});

t.test('an event with its neighbours', async (t) => {
  const context = await testRooms(t);
  const { roomId, sent } = await filledRoom(context, 10);
  const shown = await readEventContext(context, viewer, roomId, sent[4] ?? '', { limit: 6 });
  t.same(idsOf(shown.events_before), [sent[3], sent[2], sent[1]]);
  t.same(idsOf(shown.events_after), [sent[5], sent[6], sent[7]]);
  t.match(shown.event, { event_id: sent[4], unsigned: { transaction_id: 't4' } });
  const earlier = await readMessages(context, viewer, {
    roomId,
    direction: 'b',
    from: shown.start,
    limit: 1,
  });
  t.same(idsOf(earlier.chunk), [sent[0]]);
  const later = await readMessages(context, viewer, {
    roomId,
    direction: 'f',
    from: shown.end,
    limit: 1,
  });
  t.same(idsOf(later.chunk), [sent[8]]);
  const alone = await readEventContext(context, viewer, roomId, sent[4] ?? '', { limit: 0 });
  t.same([...alone.events_before, ...alone.events_after], []);
});

t.test('what an event carries beside itself', async (t) => {
  const context = await testRooms(t);
  const { roomId, sent } = await filledRoom(context, 2);
  const topic = { roomId, sender: alice, type: 'm.room.topic', stateKey: '' };
  const tea = await sendEvent(context, { ...topic, content: { topic: 'tea' } });
  await sendEvent(context, { ...topic, content: { topic: 'cake' } });
  const redaction = await sendEvent(context, {
    roomId,
    sender: alice,
    type: 'm.room.redaction',
    content: { reason: 'x' },
    redacts: sent[0] ?? '',
  });
  const restarted = context.restarted();
  const page = await readMessages(restarted, viewer, { roomId, direction: 'b', limit: 5 });
  const [redacting, cake, , ofBob, ofAlice] = page.chunk;
  t.match(redacting, { redacts: sent[0], content: { redacts: sent[0], reason: 'x' } });
  t.match(cake, { unsigned: { prev_content: { topic: 'tea' }, replaces_state: tea.eventId } });
  t.match(ofAlice, {
    content: {},
    unsigned: {
      transaction_id: 't0',
      redacted_because: { event_id: redaction.eventId, sender: alice },
    },
  });
  t.notMatch(ofBob, { unsigned: { transaction_id: /./ } }, 'only to the session that sent it');
  t.match(ofBob, { room_id: roomId, unsigned: { age: Number, membership: 'join' } });
});

t.test('members as they were at a token', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await filledRoom(context, 1);
  const { start } = await readMessages(context, viewer, { roomId, direction: 'b', limit: 1 });
  await joinRoom(context, { roomId, sender: '@carol:here.example' });
  const namesOf = (events: readonly { readonly [key: string]: unknown }[]) =>
    events.map((event) => event['state_key']).sort();
  t.same(namesOf(await readMembers(context, viewer, { roomId, at: start })), [alice, bob]);
  const now = await readMembers(context, viewer, { roomId, notMembership: 'leave' });
  t.same(namesOf(now), [alice, bob, '@carol:here.example']);
});
