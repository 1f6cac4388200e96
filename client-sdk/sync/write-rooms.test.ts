import type { JsonObject } from '@candor/federation';
import t from 'tap';
import { roomEncryption } from '../rooms/room-encryption.ts';
import { roomSummary } from '../rooms/room-summary.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { readSync } from './read-sync.ts';
import { writeRooms } from './write-rooms.ts';

const [alice, bob, carol] = ['@alice:a.example', '@bob:b.example', '@carol:c.example'];
const roomId = '!room:a.example';
const pairwise = { algorithm: 'dev.candor.signal.pqxdh.v1' };
const group = { algorithm: 'dev.candor.signal.senderkey.v1' };
const megolm = { algorithm: 'm.megolm.v1.aes-sha2' };

let events = 0;
const state = (type: string, content: JsonObject, stateKey = '', sender = alice) => {
  events += 1;
  return {
    type,
    content,
    sender,
    state_key: stateKey,
    event_id: `$${events}`,
    origin_server_ts: 1,
  };
};
const member = (userId: string, membership: string) =>
  state('m.room.member', { membership }, userId, userId);

/** Alice's store, and a way to hand it what a sync says. */
const account = () => {
  const store = openMemoryStore();
  return {
    store,
    sync: (body: object) => {
      const news = readSync({ next_batch: 's', ...body });
      if (!news) throw new Error('the sync cannot be read');
      store.transaction((tx) => writeRooms(tx, alice, news));
    },
    row: () => roomSummary.rowOf(store, roomId),
    summary: () => roomSummary.of(roomSummary.rowOf(store, roomId)),
    membership: (userId: string) => store.get('members', { roomId, userId })?.membership,
  };
};
const joined = (room: object) => ({ rooms: { join: { [roomId]: room } } });
const withState = (...list: object[]) => joined({ state: { events: list } });

t.test('encryption stays as it first was, and rotation only becomes more frequent', (t) => {
  const { after } = roomEncryption;
  t.same(after(null, megolm), megolm);
  t.same(after(megolm, group), group);
  t.same(after(group, megolm), group);
  t.same(after(group, {}), group);
  t.same(after(pairwise, group), pairwise);
  t.same(after(group, pairwise), group);
  const daily = { ...group, rotation_period_ms: 86_400_000, rotation_period_msgs: 10 };
  t.same(after(group, daily), daily);
  t.same(after(daily, { ...group, rotation_period_ms: 1, rotation_period_msgs: 99 }), {
    ...daily,
    rotation_period_ms: 1,
  });
  t.same(after(daily, group), daily);
  t.same(after(daily, { ...group, rotation_period_msgs: -5, rotation_period_ms: 'soon' }), daily);
  t.same(roomEncryption.rotationOf(daily), { messages: 10, periodMs: 86_400_000 });
  t.end();
});

t.test('an encryption event counts wherever it is seen', (t) => {
  const { sync, row } = account();
  sync(
    joined({
      timeline: { events: [state('m.room.encryption', group)] },
      state_after: { events: [] },
    }),
  );
  t.same(row().encryption, group);
  sync(withState(state('m.room.encryption', {})));
  t.same(row().encryption, group);
  t.end();
});

t.test('the state is that of state_after, or goes on through the timeline', (t) => {
  const { sync, membership, summary } = account();
  sync(
    joined({
      state: { events: [member(bob, 'join')] },
      timeline: { events: [member(bob, 'leave')] },
    }),
  );
  t.equal(membership(bob), 'leave');
  const old = state('m.room.name', { name: 'old' });
  sync(
    joined({
      state_after: { events: [state('m.room.name', { name: 'new' })] },
      timeline: { events: [old] },
    }),
  );
  t.equal(summary().name, 'new');
  sync(withState(state('m.room.name', { name: 7 }), member('not a user', 'join')));
  t.equal(summary().name, null);
  t.end();
});

t.test('the other user of a direct room is pinned, and nobody takes the place', (t) => {
  const { sync, row } = account();
  const invitation = [
    { ...member(alice, 'invite'), sender: bob, content: { membership: 'invite', is_direct: true } },
    state('m.room.encryption', pairwise),
  ];
  sync({ rooms: { invite: { [roomId]: { invite_state: { events: invitation } } } } });
  t.equal(row().directUserId, bob);
  sync(withState(member(bob, 'leave'), member(carol, 'join')));
  sync({ account_data: { events: [{ type: 'm.direct', content: { [carol]: [roomId] } }] } });
  t.equal(row().directUserId, bob);
  t.end();
});

t.test('a direct room of three has no other user, until the account says which', (t) => {
  const { sync, row } = account();
  sync(
    withState(
      state('m.room.encryption', pairwise),
      ...[alice, bob, carol].map((id) => member(id, 'join')),
    ),
  );
  t.equal(row().directUserId, null);
  sync({
    account_data: { events: [{ type: 'm.direct', content: { [bob]: [7, roomId], x: 'y' } }] },
  });
  t.equal(row().directUserId, bob);
  t.end();
});

t.test('a gap makes the members unknown, and every news of members is counted', (t) => {
  const { store, sync, row, summary } = account();
  sync(withState(member(bob, 'join')));
  store.transaction((tx) => tx.put('rooms', roomSummary.with(row(), { membersComplete: true })));
  const { membersRevision } = summary();
  sync(joined({ timeline: { events: [state('m.room.topic', { topic: 'tea' })] } }));
  t.match(summary(), { topic: 'tea', membersComplete: true, membersRevision });
  sync(joined({ timeline: { events: [], limited: true, prev_batch: 'p' } }));
  t.match(summary(), { membersComplete: false, earlier: 'p' });
  t.not(summary().membersRevision, membersRevision);
  store.transaction((tx) => tx.put('rooms', roomSummary.with(row(), { membersComplete: true })));
  sync({ rooms: { leave: { [roomId]: {} } } });
  t.match(summary(), { membership: 'leave' });
  sync(joined({ timeline: { events: [member(alice, 'join')] } }));
  t.match(summary(), { membership: 'join', membersComplete: false }, 'others came and went');
  t.end();
});
