import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { joinRoom } from './join-room.ts';
import { kickUser } from './remove-user.ts';
import { makeAlias } from './room-aliases.ts';
import { sendEvent } from './send-event.ts';

const alice = '@alice:here.example';
const bob = '@bob:here.example';
/** What `rejects` compares with. */
const refusal = (errcode: string, message = /./) => ({ name: 'MatrixError', message, errcode });
const text = (body: string) => ({ msgtype: 'm.text', body });

const publicRoom = async (context: TestRooms): Promise<string> => {
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  await joinRoom(context, { roomId, sender: bob });
  return roomId;
};

const storedIds = async ({ db }: TestRooms, roomId: string): Promise<string[]> => {
  const rows = await db.sql
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.room_nid', 'events.room_nid')
    .select('event_id')
    .where('room_id', '=', roomId)
    .orderBy('event_nid')
    .execute();
  return rows.map((row) => row.event_id);
};

t.test('a message is on disk when its sender hears of it', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const sent = await sendEvent(context, {
    roomId,
    sender: bob,
    type: 'm.room.message',
    content: text('hello'),
  });
  t.equal((await storedIds(context, roomId)).at(-1), sent.eventId);
  const told = context.told.at(-1);
  t.equal(told?.position, sent.position);
  t.match(told?.change, { kind: 'event', event: { eventId: sent.eventId, sender: bob } });
  t.same([...(told?.change.wakes ?? [])].sort(), [alice, bob]);
});

t.test(
  'senders at the same time build one line of events, told in the order of positions',
  async (t) => {
    const context = await testRooms(t);
    const roomId = await publicRoom(context);
    const sends = Array.from({ length: 60 }, (_, index) =>
      sendEvent(context, {
        roomId,
        sender: index % 2 === 0 ? alice : bob,
        type: 'm.room.message',
        content: text(`message ${index}`),
      }),
    );
    const sent = await Promise.all(sends);
    const ids = await storedIds(context, roomId);
    const events = await context.restarted().rooms.events.load(ids);
    for (const [index, id] of ids.entries()) {
      const event = events.get(id)?.event;
      t.same(event?.prevEvents, ids.slice(Math.max(0, index - 1), index), 'has one predecessor');
      t.equal(event?.depth, index + 1);
    }
    t.same(
      sent.map(({ position }) => position),
      sent.map(({ position }) => position).sort((one, other) => one - other),
    );
    const positions = context.told.map(({ position }) => position);
    t.same(
      positions,
      [...positions].sort((one, other) => one - other),
    );
    t.equal(context.told.filter(({ change }) => change.kind === 'event').length, ids.length);
  },
);

t.test('a transaction id gives the same event, at the same time and after a restart', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const message = {
    roomId,
    sender: bob,
    type: 'm.room.message',
    content: text('once'),
    txn: { deviceId: 'PHONE', txnKey: `sendMessage ${roomId}`, txnId: 'm1' },
  };
  const before = (await storedIds(context, roomId)).length;
  const sent = await Promise.all([1, 2, 3, 4].map(() => sendEvent(context, message)));
  const again = await sendEvent(context.restarted(), message);
  t.equal(new Set([...sent, again].map(({ eventId }) => eventId)).size, 1);
  t.equal((await storedIds(context, roomId)).length, before + 1);
  const txn = { ...message.txn, deviceId: 'LAPTOP' };
  const other = await sendEvent(context, { ...message, txn });
  t.not(other.eventId, again.eventId, 'another session has its own transaction ids');
  t.match(context.told.findLast(({ change }) => change.kind === 'event')?.change, {
    sentBy: { userId: bob, deviceId: 'LAPTOP', txnId: 'm1' },
  });
});

t.test('transaction ids are forgotten after a day, by those that come later', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const send = (txnId: string, at: TestRooms) =>
    sendEvent(at, {
      roomId,
      sender: bob,
      type: 'm.room.message',
      content: text('x'),
      txn: { deviceId: 'PHONE', txnKey: 'x', txnId },
    });
  await send('old', context);
  await context.db.sql.updateTable('sent_transactions').set({ sent_at: 1 }).execute();
  await send('new', context.restarted());
  const count = async () =>
    (await context.db.sql.selectFrom('sent_transactions').select('txn_key').execute()).length;
  while ((await count()) > 1) await setImmediate();
  t.equal(await count(), 1);
});

t.test('state that says what is said already is not sent again', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const topic = { roomId, sender: alice, type: 'm.room.topic', stateKey: '' };
  const first = await sendEvent(context, { ...topic, content: { topic: 'tea', x: 1 } });
  const same = await sendEvent(context, { ...topic, content: { x: 1, topic: 'tea' } });
  const next = await sendEvent(context, { ...topic, content: { topic: 'cake' } });
  t.equal(same.eventId, first.eventId);
  t.not(next.eventId, first.eventId);
});

const refusals = [
  ['nobody outside sends', { sender: '@eve:here.example' }, 'M_FORBIDDEN'],
  ['a room that is not known', { roomId: '!none:here.example' }, 'M_FORBIDDEN'],
  [
    'state above the level',
    { type: 'm.room.name', stateKey: '', content: { name: 'x' } },
    'M_FORBIDDEN',
  ],
  ['another create event', { sender: alice, type: 'm.room.create', stateKey: '' }, 'M_FORBIDDEN'],
  ["another user's state key", { type: 'x', stateKey: alice }, 'M_FORBIDDEN'],
  ['a message without body', { content: { msgtype: 'm.text' } }, 'M_BAD_JSON'],
  [
    'a member event of what is no user',
    { sender: alice, type: 'm.room.member', stateKey: 'x', content: { membership: 'invite' } },
    'M_BAD_JSON',
  ],
  ['a fraction', { content: { ...text('x'), size: 1.5 } }, 'M_BAD_JSON'],
  ['too large an event', { content: text('x'.repeat(70_000)) }, 'M_TOO_LARGE'],
  ['too long a type', { type: 't'.repeat(256) }, 'M_TOO_LARGE'],
  ['too long a state key', { type: 'x', stateKey: 'é'.repeat(128) }, 'M_TOO_LARGE'],
  [
    'levels that are text',
    {
      sender: alice,
      type: 'm.room.power_levels',
      stateKey: '',
      content: { users: { [bob]: '50' } },
    },
    'M_BAD_JSON',
  ],
  [
    'an alias that points nowhere',
    {
      sender: alice,
      type: 'm.room.canonical_alias',
      stateKey: '',
      content: { alias: '#none:here.example' },
    },
    'M_BAD_ALIAS',
  ],
  ['a redaction of nothing', { type: 'm.room.redaction', redacts: '$none' }, 'M_NOT_FOUND'],
] as const;

t.test('what the rules do not allow is refused and leaves the room as it was', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const before = await storedIds(context, roomId);
  for (const [name, wanted, errcode] of refusals) {
    const event = { roomId, sender: bob, type: 'm.room.message', content: text('x'), ...wanted };
    await t.rejects(sendEvent(context, event), refusal(errcode), name);
  }
  t.same(await storedIds(context, roomId), before);
  const room = await context.rooms.get(roomId);
  t.equal(room?.busy, 0);
  await sendEvent(context, { roomId, sender: bob, type: 'm.room.message', content: text('x') });
});

t.test('an alias may be named once it points to the room', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const alias = '#tea:here.example';
  await makeAlias(context, { alias, roomId, userId: bob });
  await t.rejects(makeAlias(context, { alias, roomId, userId: bob }), refusal('M_ROOM_IN_USE'));
  const name = { roomId, sender: alice, type: 'm.room.canonical_alias', stateKey: '' };
  await sendEvent(context, { ...name, content: { alias } });
  await t.rejects(
    sendEvent(context, { ...name, content: { alias, alt_aliases: ['#other:here.example'] } }),
    refusal('M_BAD_ALIAS'),
  );
});

t.test('an encrypted room takes no plaintext from our users, and stays encrypted', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  const state = { roomId, sender: alice, stateKey: '' };
  await sendEvent(context, {
    ...state,
    type: 'm.room.encryption',
    content: { algorithm: 'm.megolm.v1.aes-sha2' },
  });
  const encrypted = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'abc' };
  const message = { roomId, sender: bob };
  const sent = await sendEvent(context, {
    ...message,
    type: 'm.room.encrypted',
    content: encrypted,
  });
  for (const type of ['m.room.message', 'm.sticker', 'm.poll.start', 'm.call.invite', 'org.x']) {
    await t.rejects(
      sendEvent(context, { ...message, type, content: text('secret') }),
      refusal('M_FORBIDDEN', /encrypted/),
      type,
    );
  }
  const reaction = {
    'm.relates_to': { rel_type: 'm.annotation', event_id: sent.eventId, key: '+' },
  };
  await sendEvent(context, { ...message, type: 'm.reaction', content: reaction });
  await sendEvent(context, {
    ...state,
    type: 'm.room.topic',
    content: { topic: 'state is clear' },
  });
  await sendEvent(context, {
    ...message,
    type: 'm.room.message',
    content: text('from a webhook'),
    allowsPlaintext: true,
  });
  const room = await context.rooms.get(roomId);
  const encryption = [...(room?.state ?? [])].find(([key]) => key.includes('m.room.encryption'));
  await t.rejects(
    sendEvent(context, { ...state, type: 'm.room.encryption', content: {} }),
    refusal('M_BAD_JSON'),
  );
  await t.rejects(
    sendEvent(context, {
      roomId,
      sender: alice,
      type: 'm.room.redaction',
      content: {},
      redacts: encryption?.[1].eventId ?? '',
    }),
    refusal('M_FORBIDDEN'),
  );
  const plain = sendEvent(context.restarted(), {
    ...message,
    type: 'm.room.message',
    content: text('secret'),
  });
  await t.rejects(plain, refusal('M_FORBIDDEN'));
});

for (const version of ['10', '11', '12']) {
  t.test(`a redaction takes the content away, in room version ${version}`, async (t) => {
    const context = await testRooms(t);
    const request = { preset: 'public_chat', room_version: version } as const;
    const { roomId } = await createRoom(context, alice, request);
    await joinRoom(context, { roomId, sender: bob });
    const message = { roomId, type: 'm.room.message', content: text('regretted') };
    const ofAlice = await sendEvent(context, { ...message, sender: alice });
    const ofBob = await sendEvent(context, { ...message, sender: bob });
    const redaction = { roomId, type: 'm.room.redaction', content: { reason: 'spam' } };
    await t.rejects(
      sendEvent(context, { ...redaction, sender: bob, redacts: ofAlice.eventId }),
      refusal('M_FORBIDDEN'),
    );
    const byBob = await sendEvent(context, { ...redaction, sender: bob, redacts: ofBob.eventId });
    await sendEvent(context, { ...redaction, sender: alice, redacts: ofAlice.eventId });
    for (const reader of [context, context.restarted()]) {
      const stored = await reader.rooms.events.load([ofAlice.eventId, ofBob.eventId]);
      t.same(stored.get(ofAlice.eventId)?.event.content, {});
      t.same(stored.get(ofBob.eventId)?.event.content, {});
      t.equal(stored.get(ofBob.eventId)?.redactedBy, byBob.eventId);
    }
    const rows = await context.db.sql.selectFrom('events').select('json').execute();
    t.notOk(
      rows.some(({ json }) => json.includes('regretted')),
      'nothing is left in the database',
    );
  });
}

t.test('who was removed sends no more', async (t) => {
  const context = await testRooms(t);
  const roomId = await publicRoom(context);
  await kickUser(context, { roomId, sender: alice, target: bob, reason: 'enough' });
  const message = { roomId, sender: bob, type: 'm.room.message', content: text('x') };
  await t.rejects(sendEvent(context, message), refusal('M_FORBIDDEN'));
  t.same([...(context.told.at(-1)?.change.wakes ?? [])].sort(), [alice, bob], 'bob hears of it');
});
