import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import pg from 'pg';
import tap, { type Test } from 'tap';
import { DatabaseUnavailable } from '../storage/database-unavailable.ts';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { inviteUser } from './invite-user.ts';
import { joinRoom } from './join-room.ts';
import { knockRoom } from './knock-room.ts';
import { leaveRoom } from './leave-room.ts';
import { banUser, kickUser, unbanUser } from './remove-user.ts';
import type { Room } from './room.ts';
import { sendEvent } from './send-event.ts';

const alice = '@alice:here.example';
const users = ['bob', 'carol', 'dan'].map((name) => `@${name}:here.example`);
const text = (body: string) => ({ msgtype: 'm.text', body });

const sorted = <T>(items: Iterable<T>): T[] =>
  [...items].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));

/** Everything that a room knows, comparable. */
const describe = (room: Room | undefined) =>
  room && {
    state: sorted(room.state),
    settings: sorted([...room.settings].map(([key, event]) => [key, event.eventId, event.content])),
    extremities: room.extremities,
    depth: room.depth,
    joined: sorted(room.joined),
    localUsers: sorted(room.localUsers),
    servers: sorted(room.servers),
    hash: room.head?.hash.toString(),
    nid: room.head?.nid,
    hops: room.head?.hops,
    baseNid: room.head?.baseNid,
    sinceBase: sorted(room.head?.sinceBase ?? []),
  };

const sameAfterRestart = async (t: Test, context: TestRooms, roomId: string) => {
  await context.rooms.queue.idle();
  const inMemory = describe(await context.rooms.get(roomId));
  t.same(inMemory, describe(await context.restarted().rooms.get(roomId)));
};

type Operation = (context: TestRooms, roomId: string) => Promise<unknown>;

const operation: fc.Arbitrary<Operation> = fc
  .tuple(
    fc.constantFrom(
      'say',
      'topic',
      'rule',
      'invite',
      'join',
      'leave',
      'kick',
      'ban',
      'unban',
      'knock',
    ),
    fc.constantFrom(...users),
    fc.constantFrom(alice, ...users),
    fc.constantFrom('a', 'b', 'c'),
    fc.constantFrom('public', 'invite', 'knock'),
  )
  .map(([kind, target, sender, body, rule]) => (context, roomId) => {
    const change = { roomId, sender, target };
    switch (kind) {
      case 'say':
        return sendEvent(context, { roomId, sender, type: 'm.room.message', content: text(body) });
      case 'topic':
        return sendEvent(context, {
          roomId,
          sender,
          type: 'm.room.topic',
          stateKey: '',
          content: { topic: body },
        });
      case 'rule':
        return sendEvent(context, {
          roomId,
          sender: alice,
          type: 'm.room.join_rules',
          stateKey: '',
          content: { join_rule: rule },
        });
      case 'invite':
        return inviteUser(context, change);
      case 'join':
        return joinRoom(context, { roomId, sender: target });
      case 'leave':
        return leaveRoom(context, { roomId, sender: target });
      case 'kick':
        return kickUser(context, change);
      case 'ban':
        return banUser(context, change);
      case 'unban':
        return unbanUser(context, change);
      default:
        return knockRoom(context, { roomId, sender: target });
    }
  });

tap.test('after any operations the room in memory is the room on disk', async (t) => {
  const context = await testRooms(t);
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { minLength: 15, maxLength: 40 }),
      fc.boolean(),
      async (operations, atOnce) => {
        const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
        const runs = operations.map((run) => () => run(context, roomId));
        const outcomes = atOnce ? await Promise.allSettled(runs.map((run) => run())) : [];
        if (!atOnce) for (const run of runs) outcomes.push(...(await Promise.allSettled([run()])));
        allowed += outcomes.filter((one) => one.status === 'fulfilled').length;
        await sameAfterRestart(t, context, roomId);
      },
    ),
    { numRuns: 25 },
  );
  t.ok(allowed > 100, 'the operations do happen');
  const rows = await context.db.sql
    .selectFrom('memberships')
    .innerJoin('rooms', 'rooms.room_nid', 'memberships.room_nid')
    .select(['room_id', 'user_id', 'membership', 'event_id'])
    .execute();
  for (const row of rows) {
    const room = await context.rooms.get(row.room_id);
    t.equal(room?.joined.has(row.user_id), row.membership === 'join');
    t.equal(room?.memberEntry(row.user_id)?.eventId, row.event_id);
  }
});

tap.test('rooms that are not in use leave memory and come back the same', async (t) => {
  const context = await testRooms(t);
  const roomIds: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    roomIds.push((await createRoom(context, alice, { name: `room ${index}` })).roomId);
  }
  const [roomId = ''] = roomIds;
  const before = await context.rooms.get(roomId);
  context.rooms.evict(0);
  const after = await context.rooms.get(roomId);
  t.not(after, before);
  t.same(describe(after), describe(before));
  await context.rooms.write(roomId, async (room) => {
    context.rooms.evict(0);
    t.equal(await context.rooms.get(roomId), room, 'a room stays while somebody writes in it');
  });
});

/** A second pair of hands on the same database. */
const otherClient = async (t: Test, { db }: TestRooms): Promise<pg.Client> => {
  const { connectionString } = db.pool.options;
  const client = new pg.Client({ connectionString });
  await client.connect();
  t.teardown(() => client.end());
  return client;
};

const waitingPids = async (client: pg.Client): Promise<number[]> => {
  for (;;) {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rows.length > 0) return rows.map(({ pid }) => pid);
  }
};

tap.test('a write that is killed leaves nothing behind, and the room goes on', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  const other = await createRoom(context, alice, { preset: 'public_chat' });
  const message = { roomId, sender: alice, type: 'm.room.message', content: text('lost') };
  await sendEvent(context, message);
  const before = describe(await context.rooms.get(roomId));
  const client = await otherClient(t, context);
  const watcher = await otherClient(t, context);
  await client.query('BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE');
  const txn = { deviceId: 'PHONE', txnKey: 'x', txnId: 'lost' };
  const first = sendEvent(context, { ...message, txn });
  const [pid] = await waitingPids(watcher);
  // These are queued behind the one that is under way.
  const topic = { ...message, type: 'm.room.topic', stateKey: '', content: { topic: 'lost' } };
  const behind = [sendEvent(context, topic), sendEvent(context, message)];
  const ahead = await context.rooms.get(roomId);
  while (ahead?.depth !== (before?.depth ?? 0) + 3) await setImmediate();
  const elsewhere = sendEvent(context, { ...message, roomId: other.roomId });
  await watcher.query('SELECT pg_terminate_backend($1)', [pid]);
  const lost = Promise.allSettled([first, ...behind]);
  await waitingPids(watcher);
  await client.query('ROLLBACK');
  for (const outcome of await lost) {
    t.equal(outcome.status, 'rejected');
    t.ok(outcome.status === 'rejected' && outcome.reason instanceof DatabaseUnavailable);
  }
  await elsewhere;
  t.same(describe(await context.rooms.get(roomId)), before);
  await sameAfterRestart(t, context, roomId);
  await sendEvent(context, { ...message, content: text('after'), txn });
  await sameAfterRestart(t, context, roomId);
  const rows = await context.db.sql.selectFrom('events').select('json').execute();
  t.equal(
    rows.filter(({ json }) => json.includes('"lost"')).length,
    2,
    'one before, one elsewhere',
  );
  t.equal(rows.filter(({ json }) => json.includes('"after"')).length, 1);
  const last = context.told.at(-1)?.position ?? 0;
  t.equal(context.db.clock.committed, last, 'lost positions hold nobody up');
});
