import { once } from 'node:events';
import { limits } from '@candor/spec';
import t from 'tap';
import { discardOutbox } from '../storage/destinations.ts';
import { arrives, person } from '../testing/federated-rooms.ts';
import { splitNetwork } from '../testing/split-network.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import { type SeenEvent, SyncClient } from '../testing/sync-client.ts';

const enc = encodeURIComponent;
const [a, b] = await startTestNetwork(t, 2);

type Person = Awaited<ReturnType<typeof person>>;

/** Pushes everything out of the notifier's memory, so that the database has to answer. */
const forgetChanges = (): void => {
  for (let count = 0; count <= 2 * limits.notifierChangesMax; count += 1) {
    const change = { kind: 'outbox', destinations: [], wakes: [] } as const;
    b.context.notifier.publish(b.context.db.clock.committed, change);
  }
};

/** Resolves once b can tell its clients of the event. */
const comes = async (eventId: string): Promise<void> => {
  await arrives(b, eventId);
  await b.context.db.clock.settled();
};

/** Ids of the events before a place, oldest first, page by page until one is reached. */
const pageBack = async (
  who: Person,
  roomId: string,
  from: string,
  until: string,
  limit: number,
) => {
  const ids: string[] = [];
  for (let at: string | undefined = from; at !== undefined && !ids.includes(until); ) {
    const query = new URLSearchParams({ dir: 'b', from: at, limit: `${limit}` });
    const page = await who.insist('GET', `/rooms/${enc(roomId)}/messages?${query}`);
    ids.push(...page.chunk.map((event: SeenEvent) => event.event_id));
    at = page.end;
  }
  return ids.slice(0, ids.indexOf(until) + 1).reverse();
};

/** Of a room that both are in: b misses what is sent meanwhile, and hears of the end. */
const missMany = async (
  alice: Person,
  roomId: string,
  count: number,
  meanwhile: () => Promise<void> = async () => undefined,
) => {
  const heal = splitNetwork([a], [b]);
  await meanwhile();
  const missed: string[] = [];
  const topics: string[] = [];
  for (let index = 0; index < count; index += 1) {
    if (index % 50 === 10) {
      const topic = await alice.setState(roomId, 'm.room.topic', { topic: `topic ${index}` });
      topics.push(topic);
      missed.push(topic);
    } else if (index % 50 === 20) {
      missed.push(await alice.setState(roomId, 'test', { index }, `${index}`));
    } else missed.push(await alice.say(roomId, `missed ${index}`));
  }
  await discardOutbox(a.context.db, b.serverName);
  heal();
  const end = await alice.say(roomId, 'end');
  await comes(end);
  return { missed, topics, end };
};

for (const [memory, backfills] of [
  ['memory', limits.backfillsPerPageMax],
  ['database', 1],
] as const) {
  t.test(`a gap is told and can be paged back through, answered from ${memory}`, async (t) => {
    const alice = await person(a, `alice-${memory}`);
    const bob = await person(b, `bob-${memory}`);
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId, a);
    const clients = ['true', 'false'].flatMap((after) =>
      [5, 400].map(
        (limit) =>
          new SyncClient(b, bob, {
            use_state_after: after,
            filter: JSON.stringify({ room: { timeline: { limit } } }),
          }),
      ),
    );
    const before = await alice.say(roomId, 'before');
    await comes(before);
    for (const client of clients) {
      const { timeline } = (await client.sync()).rooms.join[roomId];
      t.equal(timeline.limited, true, 'what came before the own join is not here');
      t.equal(timeline.events.at(-1).event_id, before);
    }
    const { missed, topics, end } = await missMany(
      alice,
      roomId,
      (backfills + 1) * limits.missingEventsMax + 30,
    );
    const all = [before, ...missed, end];
    if (memory === 'database') forgetChanges();
    for (const [index, client] of clients.entries()) {
      const { timeline, state } = (await client.sync()).rooms.join[roomId];
      t.equal(timeline.limited, true);
      const ids: string[] = timeline.events.map((event: SeenEvent) => event.event_id);
      t.strictSame(ids, all.slice(-ids.length), 'nothing is left out in between');
      t.ok(ids.length <= limits.missingEventsMax + 1 && ids.length > 4);
      const room = await b.context.rooms.get(roomId);
      t.strictSame(
        new Map([...client.room(roomId).state].sort()),
        new Map(
          [...(room?.state ?? [])].map(([key, { eventId }]) => [key, eventId] as const).sort(),
        ),
        'the state is that of the end',
      );
      if (state) {
        const topic = state.events.find(({ type }: SeenEvent) => type === 'm.room.topic');
        const earlier = topics.filter((id) => all.indexOf(id) < all.indexOf(ids[0] ?? ''));
        t.equal(topic.event_id, earlier.at(-1), 'what is told of it is from before the timeline');
      }
      const earlier = await pageBack(
        bob,
        roomId,
        timeline.prev_batch,
        before,
        (memory === 'memory') === (index % 2 === 0) ? 1_000 : 30,
      );
      t.strictSame([...earlier, ...ids], all, 'each is had exactly once, in order');
    }
    const more = await alice.say(roomId, 'more');
    await comes(more);
    for (const client of clients) {
      const { timeline } = (await client.sync()).rooms.join[roomId];
      t.match(timeline, { limited: false, events: [{ event_id: more }] }, 'told once');
    }
  });
}

t.test('who waits, a socket and a server that starts again are told alike', async (t) => {
  const alice = await person(a, 'alice');
  const bob = await person(b, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, a);
  const before = await alice.say(roomId, 'before');
  await comes(before);
  const query = { filter: JSON.stringify({ room: { timeline: { limit: 400 } } }) };
  const [waiting, away] = [new SyncClient(b, bob, query), new SyncClient(b, bob, query)];
  for (const client of [waiting, away]) await client.sync();
  const waits = waiting.sync({ timeout: '60000' });
  const { missed, end } = await missMany(alice, roomId, limits.missingEventsMax + 130);
  const all = [before, ...missed, end];

  await waits;
  await waiting.until(() => waiting.room(roomId).timeline.at(-1) === end);
  const { timeline, prevBatch } = waiting.room(roomId);
  t.strictSame(timeline, all.slice(-timeline.length), 'what came bit by bit is whole');
  t.notOk(timeline.includes(before), 'and begins anew behind the gap');

  await b.restart();
  const socket = new WebSocket(
    `${b.url.replace('http', 'ws')}/_matrix/client/unstable/dev.candor.ws/sync`,
    ['dev.candor.sync.v1', `dev.candor.access_token.${bob.accessToken}`],
  );
  await once(socket, 'open');
  socket.send(JSON.stringify({ since: away.since, ...query }));
  const [{ data }] = await once(socket, 'message');
  const pushed = JSON.parse(data).rooms.join[roomId].timeline;
  socket.close();
  const asked = (await away.sync()).rooms.join[roomId].timeline;
  for (const one of [pushed, asked]) {
    t.equal(one.limited, true);
    const ids: string[] = one.events.map((event: SeenEvent) => event.event_id);
    t.strictSame(ids, timeline);
  }

  const readers = [prevBatch, prevBatch, asked.prev_batch, pushed.prev_batch];
  const pages = await Promise.all(
    readers.map((from, index) =>
      pageBack(bob, roomId, from, before, [1_000, 100, 7, 50][index] ?? 1),
    ),
  );
  for (const ids of pages) t.strictSame(ids, all.slice(0, ids.length), 'all, for each who asks');
  t.equal(pages[0]?.length, all.length - timeline.length);

  const fresh = new SyncClient(b, bob, query);
  const { limited, events } = (await fresh.sync()).rooms.join[roomId].timeline;
  t.equal(limited, true, 'who comes new is not shown old events right before the newer ones');
  t.strictSame(
    events.map((event: SeenEvent) => event.event_id),
    timeline,
  );
});

t.test('what was said on both sides meanwhile is all there once', async (t) => {
  const alice = await person(a, 'anne');
  const bob = await person(b, 'ben');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, a);
  const before = await alice.say(roomId, 'before');
  await comes(before);
  const client = new SyncClient(b, bob, {
    filter: JSON.stringify({ room: { timeline: { limit: 400 } } }),
  });
  await client.sync();
  const own: string[] = [];
  const { missed, end } = await missMany(alice, roomId, limits.missingEventsMax + 60, async () => {
    for (const text of ['one', 'two', 'three']) own.push(await bob.say(roomId, text));
  });
  await Promise.all(own.map((id) => arrives(a, id)));
  await comes(await alice.say(roomId, 'together again'));
  const { timeline } = (await client.sync()).rooms.join[roomId];
  t.equal(timeline.limited, true);
  const ids: string[] = timeline.events.map((event: SeenEvent) => event.event_id);
  t.notOk(ids.includes(own[0] ?? ''), 'what was said here came before the gap');
  t.ok(ids.includes(end));
  const earlier = await pageBack(bob, roomId, timeline.prev_batch, before, 20);
  const last = ids.at(-1);
  t.strictSame([...earlier, ...ids].sort(), [before, ...own, ...missed, end, last].sort());
});
