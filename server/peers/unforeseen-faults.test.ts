import { sql } from 'kysely';
import t from 'tap';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';

const [here, there] = await startTestNetwork(t, 2);
const alice = await person(here, 'alice');
const bob = await person(there, 'bob');
const enc = encodeURIComponent;

// Stands for any fault of ours that one event brings about each time.
await sql`ALTER TABLE relations ADD CHECK (rel_type <> 'poison')`.execute(there.context.db.sql);

const sayPoison = async (roomId: string) => {
  const parent = await alice.say(roomId, 'one that others relate to');
  return alice.send(roomId, 'm.room.message', {
    msgtype: 'm.text',
    body: 'x',
    'm.relates_to': { rel_type: 'poison', event_id: parent },
  });
};

t.test('an event that fails each time keeps back nothing else of its server', async (t) => {
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const other = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, here);
  await bob.join(other, here);
  const poison = await sayPoison(roomId);
  await arrives(there, await alice.say(other, 'elsewhere'));
  const isTold = (line: string) => line.includes('could not be taken') && line.includes(poison);
  await until(async () => there.logLines.some(isTold));
  t.equal(await there.context.rooms.events.loadOne(poison), undefined);
  await arrives(here, await bob.say(roomId, 'and back'));
});

t.test('nor does it keep the room from who reads back', async (t) => {
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await sayPoison(roomId);
  const last = await alice.say(roomId, 'after');
  await bob.join(roomId, here);
  const { status, body } = await bob.request(
    'GET',
    `/rooms/${enc(roomId)}/messages?dir=b&limit=50`,
  );
  t.equal(status, 200);
  t.ok(body.chunk.some((event: { event_id: string }) => event.event_id === last));
});

t.test(
  'a fault in the middle of a step holds up nobody who waits for what comes next',
  async (t) => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId, here);
    const { clock } = here.context.db;
    const next = clock.next.bind(clock);
    clock.next = (change) => {
      if (change?.kind === 'outbox') throw new Error('a fault of ours');
      return next(change);
    };
    await t.rejects(alice.say(roomId, 'comes to nothing'), /500/);
    clock.next = next;
    const { next_batch: since } = await alice.insist('GET', '/sync');
    const after = await alice.say(roomId, 'and on it goes');
    const sync = await alice.insist('GET', `/sync?since=${since}&timeout=20000`);
    const { events } = sync.rooms.join[roomId].timeline;
    t.strictSame(
      events.map((event: { event_id: string }) => event.event_id),
      [after],
    );
    await arrives(there, after);
  },
);
