import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import { testDatabase } from '../testing/test-database.ts';
import { collectSnapshots } from './collect-snapshots.ts';
import { type Database, openDatabase, transact } from './database.ts';
import { nextSnapshot, type SnapshotHead, type SnapshotRow } from './next-snapshot.ts';
import { PersistQueue } from './persist-events.ts';
import { changeStateHash } from './state-hash.ts';
import { Snapshots } from './state-snapshots.ts';

const database = async (t: Parameters<typeof testDatabase>[0]): Promise<Database> => {
  const { url } = await testDatabase(t);
  const db = await openDatabase({
    connection: { connectionString: url },
    connectionsMax: 4,
    publish: () => undefined,
    onError: () => undefined,
  });
  t.teardown(() => db.close());
  return db;
};

/** A history of changes to a state, each told from the one before it; what the state was after each. */
const history = (
  roomNid: number,
  firstNid: number,
  changes: readonly (readonly [key: number, event: number])[],
) => {
  const entries = new Map<number, number>();
  const rows: SnapshotRow[] = [];
  const states = new Map<number, ReadonlyMap<number, number>>();
  let head: SnapshotHead | undefined;
  let hash = 0n;
  for (const [index, [key, event]] of changes.entries()) {
    const old = entries.get(key);
    hash = changeStateHash(
      hash,
      old === undefined ? undefined : `$${old}`,
      event === 0 ? undefined : `$${event}`,
    );
    if (event === 0) entries.delete(key);
    else entries.set(key, event);
    const nid = firstNid + index;
    const delta = new Map([[key, event]]);
    const size = entries.size;
    const next = nextSnapshot(head, { roomNid, nid, hash, delta, entries: () => entries, size });
    rows.push(next.row);
    head = next.head;
    states.set(nid, new Map(entries));
  }
  return { rows, states };
};

const store = async (db: Database, roomNid: number, snapshots: readonly SnapshotRow[]) => {
  const queue = new PersistQueue(db, () => undefined);
  await queue.persist({
    room: {
      roomNid,
      roomId: `!${roomNid}`,
      version: '12',
      extremities: [],
      snapshotNid: snapshots.at(-1)?.snapshotNid ?? null,
    },
    isNewRoom: true,
    events: [],
    snapshots,
    positions: [],
  });
};

t.test('any history of a state is given back exactly', async (t) => {
  const db = await database(t);
  let nid = 1;
  let roomNid = 1;
  const change = fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 1_000 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 300, size: 'max' }),
      async (changes) => {
        const { rows, states } = history(roomNid, nid, changes);
        await store(db, roomNid, rows);
        const snapshots = new Snapshots(db);
        const asked = [...states.keys()].filter((_, index) => index % 7 === 0);
        const looked = await snapshots.look(asked, [1, 2, 3]);
        for (const one of asked) {
          const state = states.get(one) ?? new Map<number, number>();
          const loaded = await snapshots.load(one);
          t.same(loaded?.entries, state);
          const few = [...state].filter(([key]) => key <= 3).sort();
          t.same([...(looked.get(one) ?? [])].sort(), few);
        }
        const pairs = asked.map((one) => ({ nid: one, keyNid: (one % 30) + 1 }));
        t.same(
          await snapshots.lookEach(pairs),
          pairs.map((pair) => states.get(pair.nid)?.get(pair.keyNid)),
        );
        const last = [...states.keys()].at(-1) ?? 0;
        const found = await snapshots.find(
          roomNid,
          (await snapshots.load(last))?.hash ?? 0n,
          states.get(last) ?? new Map(),
        );
        t.same(found?.entries, states.get(last), 'the same state is found again');
        nid += changes.length;
        roomNid += 1;
      },
    ),
    { numRuns: 12 },
  );
});

t.test('a line of differences is never longer than allowed, and full copies are few', async (t) => {
  const joins = Array.from({ length: 2_000 }, (_, index) => [index + 1, index + 1] as const);
  const { rows } = history(1, 1, joins);
  t.ok(rows.every((row) => row.hops <= limits.stateHopsMax));
  const written = rows.reduce((sum, row) => sum + row.keyNids.length, 0);
  t.ok(written < 12 * joins.length, `${written} entries for ${joins.length} joins`);
});

t.test('collecting deletes what nothing is told from, and only that', async (t) => {
  const db = await database(t);
  const changes = Array.from({ length: 200 }, (_, index) => [(index % 9) + 1, index + 1] as const);
  const { rows, states } = history(1, 1, changes);
  await store(db, 1, rows);
  const kept = [60, 130];
  await db.sql
    .insertInto('events')
    .values(
      kept.map((nid) => ({
        event_nid: nid,
        room_nid: 1,
        event_id: `$${nid}`,
        position: nid,
        depth: nid,
        state_key_nid: null,
        snapshot_nid: nid,
        is_outlier: false,
        rejected_for: null,
        redacted_by: null,
        received_at: 0,
        json: '{}',
      })),
    )
    .execute();
  const deleted = await transact(db, (tx) => collectSnapshots(tx, 1));
  t.ok(deleted > 0);
  const snapshots = new Snapshots(db);
  for (const nid of [...kept, 200]) t.same((await snapshots.load(nid))?.entries, states.get(nid));
  t.equal(await transact(db, (tx) => collectSnapshots(tx, 1)), 0);
});
