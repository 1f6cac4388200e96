import t from 'tap';
import type { Change, PlacedChange } from '../notifier.ts';
import { testDatabase } from '../testing/test-database.ts';
import { type Database, openDatabase } from './database.ts';
import { PersistQueue } from './persist-events.ts';
import type { PersistItem } from './persist-item.ts';

type Setting = {
  readonly db: Database;
  readonly told: readonly PlacedChange[];
  readonly lostRooms: readonly number[];
  /** Queues an event of a room; its id may be given. */
  readonly persist: (roomNid: number, eventId?: string) => Promise<number>;
};

const setUp = async (t: Parameters<typeof testDatabase>[0]): Promise<Setting> => {
  const { url } = await testDatabase(t);
  const told: PlacedChange[] = [];
  const lostRooms: number[] = [];
  const db = await openDatabase({
    connection: { connectionString: url },
    connectionsMax: 4,
    publish: (position, change) => told.push({ position, change }),
    onError: () => undefined,
  });
  t.teardown(() => db.close());
  const queue = new PersistQueue(db, (rooms) => lostRooms.push(...rooms));
  const known = new Set<number>();
  const persist = async (roomNid: number, eventId?: string): Promise<number> => {
    const change: Change = { kind: 'typing', roomId: `!${roomNid}`, wakes: [] };
    const position = db.clock.next(change);
    const id = eventId ?? `$${position}`;
    const item: PersistItem = {
      room: { roomNid, roomId: `!${roomNid}`, version: '12', extremities: [id], snapshotNid: null },
      isNewRoom: !known.has(roomNid),
      events: [
        {
          eventNid: position,
          roomNid,
          eventId: id,
          position,
          depth: 1,
          stateKeyNid: null,
          snapshotNid: null,
          isOutlier: false,
          isSoftFailed: false,
          rejectedFor: null,
          redactedBy: null,
          receivedAt: 0,
          json: '{"quote\\"":"\\u0000, {}"}',
        },
      ],
      positions: [position],
    };
    known.add(roomNid);
    await queue.persist(item);
    return position;
  };
  return { db, told, lostRooms, persist };
};

t.test(
  'many rooms share commits, and changes are told in the order they were queued',
  async (t) => {
    const { db, told, persist } = await setUp(t);
    const writes = Array.from({ length: 1_000 }, (_, index) => persist((index % 7) + 1));
    const finished: number[] = [];
    for (const write of writes) write.then((position) => finished.push(position));
    const positions = await Promise.all(writes);
    t.same(finished, positions, 'answers come in that order too');
    t.same(
      told.map(({ position }) => position),
      positions,
    );
    const rows = await db.sql.selectFrom('events').select(['event_nid', 'json']).execute();
    t.equal(rows.length, 1_000);
    t.ok(
      rows.every(({ json }) => json === '{"quote\\"":"\\u0000, {}"}'),
      'text comes back as it was',
    );
    const rooms = await db.sql.selectFrom('rooms').selectAll().execute();
    t.equal(rooms.length, 7);
    for (const room of rooms) {
      const last = positions.findLast((_, index) => (index % 7) + 1 === room.room_nid);
      t.equal(room.extremities, JSON.stringify([`$${last}`]));
    }
  },
);

t.test('a row that cannot be written loses its room, not the others', async (t) => {
  const { db, told, lostRooms, persist } = await setUp(t);
  await persist(1, '$same');
  const outcomes = await Promise.allSettled([
    persist(2),
    persist(3, '$same'),
    persist(3),
    persist(2),
    persist(4),
  ]);
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled'],
  );
  t.same(lostRooms, [3]);
  t.equal(told.length, 4);
  const rows = await db.sql.selectFrom('events').select('room_nid').orderBy('event_nid').execute();
  t.same(
    rows.map((row) => row.room_nid),
    [1, 2, 2, 4],
  );
});
