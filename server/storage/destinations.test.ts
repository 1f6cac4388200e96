import { sql } from 'kysely';
import t from 'tap';
import { testDatabase } from '../testing/test-database.ts';
import { openDatabase, transact } from './database.ts';
import { createDestinationStore } from './destinations.ts';
import { queueEdu } from './queue-edu.ts';

const { url } = await testDatabase(t);
const db = await openDatabase({
  connection: { connectionString: url },
  connectionsMax: 2,
  publish: () => undefined,
  onError: () => undefined,
});
t.teardown(() => db.close());
const store = createDestinationStore(db);

/** Events of rooms 1 and 2 in turn, waiting for a destination. */
const queue = async (destination: string, eventNids: readonly number[]): Promise<void> => {
  for (const nid of eventNids) {
    const json = JSON.stringify({ n: nid });
    await sql`INSERT INTO events (event_nid, room_nid, event_id, depth, is_outlier, received_at, json)
      VALUES (${nid}, ${(nid % 2) + 1}, ${`$${nid}`}, 1, false, 0, ${json})
      ON CONFLICT DO NOTHING`.execute(db.sql);
    await sql`INSERT INTO outbound_pdus VALUES (${destination}, ${nid})`.execute(db.sql);
  }
};

const positions = async (destination: string) =>
  (await store.pendingPdus(destination, 100)).map(({ position }) => position);

t.test('events wait in order until they are confirmed', async (t) => {
  await queue('a.test', [3, 1, 2, 4]);
  await queue('b.test', [1, 2]);
  t.strictSame(await store.pendingPdus('a.test', 3), [
    { position: 1, pdu: { n: 1 } },
    { position: 2, pdu: { n: 2 } },
    { position: 3, pdu: { n: 3 } },
  ]);
  await store.confirmed('a.test', [1, 2, 3], []);
  t.strictSame(await positions('a.test'), [4]);
  t.strictSame(await positions('b.test'), [1, 2], 'others are left alone');
  t.strictSame([...(await store.destinationsWithWork())].sort(), ['a.test', 'b.test']);
});

t.test('an event of another room that is committed late is not lost', async (t) => {
  await queue('late.test', [11]);
  const read = await positions('late.test');
  await queue('late.test', [10]);
  await store.confirmed('late.test', read, []);
  t.strictSame(await positions('late.test'), [10]);
});

t.test('a catch-up takes the latest event of each room and settles the earlier ones', async (t) => {
  await queue('slow.test', [20, 21, 22, 23, 24]);
  const latest = await store.latestPdus('slow.test', 10);
  t.strictSame(
    latest.map(({ position }) => position),
    [23, 24],
  );
  t.strictSame((await store.latestPdus('slow.test', 1)).length, 1);
  await queue('slow.test', [25]);
  await store.confirmed('slow.test', [23, 24], []);
  t.strictSame(await positions('slow.test'), [25], 'what came since stays');
});

t.test('stored EDUs and the back-off are kept per destination', async (t) => {
  for (const n of [1, 2]) {
    await sql`INSERT INTO outbound_edus (destination, edu) VALUES ('a.test', ${`{"n":${n}}`})`.execute(
      db.sql,
    );
  }
  const edus = await store.pendingEdus('a.test', 10);
  t.strictSame(
    edus.map(({ edu }) => edu),
    [{ n: 1 }, { n: 2 }],
  );
  await store.confirmed(
    'a.test',
    [],
    edus.slice(0, 1).map(({ eduId }) => eduId),
  );
  t.strictSame(await store.pendingEdus('a.test', 10), edus.slice(1));

  const backoff = { failures: 2, retryAt: 1_700_000_000_000, failingSince: 1_600_000_000_000 };
  await store.saveBackoff('a.test', { ...backoff, failures: 1 });
  await store.saveBackoff('a.test', backoff);
  t.strictSame(await store.backoff('a.test'), backoff);
  await store.saveBackoff('a.test', undefined);
  t.equal(await store.backoff('a.test'), undefined);
});

t.test('what waits for a server that is gone is thinned out', async (t) => {
  await queue('gone.test', [30, 31, 32, 33, 34]);
  await queue('other.test', [30, 32]);
  await store.forgetSuperseded('gone.test');
  t.strictSame(await positions('gone.test'), [33, 34], 'the latest of each room stays');
  t.strictSame(await positions('other.test'), [30, 32]);
  const types = ['m.direct_to_device', 'm.device_list_update', 'm.receipt', 'm.signing_key_update'];
  await transact(db, async (tx) => {
    for (const edu_type of types) {
      const content = { names: 'm.device_list_update' };
      await queueEdu(tx, ['gone.test', 'other.test'], { edu_type, content });
    }
  });
  await store.forgetEdus('gone.test');
  const left = async (destination: string) =>
    (await store.pendingEdus(destination, 10)).map(({ edu }) => edu['edu_type']);
  t.strictSame(await left('gone.test'), ['m.device_list_update', 'm.signing_key_update']);
  t.strictSame(await left('other.test'), types);
});
