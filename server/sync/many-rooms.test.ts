import { limits } from '@candor/spec';
import t from 'tap';
import { person } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
import { SyncClient } from '../testing/sync-client.ts';

const enc = encodeURIComponent;
const server = await startTestServer(t);

type Person = Awaited<ReturnType<typeof person>>;

const host = await person(server, 'host');

/** Public rooms of the host with a few words in each, which the guest has joined. */
const fillRooms = async (guest: Person, count: number): Promise<string[]> => {
  const roomIds: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const roomId = await host.createRoom({ preset: 'public_chat', topic: 'words '.repeat(500) });
    await guest.insist('POST', `/join/${enc(roomId)}`, {});
    await host.say(roomId, `first ${index}`);
    roomIds.push(roomId);
  }
  return roomIds.sort();
};

/** How often the database is asked by a server that was just started. */
const askedAfterStart = async (work: () => Promise<unknown>): Promise<number> => {
  await server.restart();
  let asked = 0;
  server.context.db.pool.on('acquire', () => {
    asked += 1;
  });
  await work();
  return asked;
};

const lastWords = (room: { readonly timeline: { readonly events: readonly unknown[] } }): unknown =>
  room.timeline.events.at(-1);

const few = await person(server, 'few');
const many = await person(server, 'many');
const fewRooms = await fillRooms(few, 3);
const manyRooms = await fillRooms(many, 2 * limits.syncRoomsPerSlice - 1);

t.test('a first sync asks the database by slices of rooms, not by rooms', async (t) => {
  const ofFew = await askedAfterStart(() => new SyncClient(server, few).sync());
  const client = new SyncClient(server, many);
  let body: Awaited<ReturnType<typeof client.sync>> | undefined;
  const ofMany = await askedAfterStart(async () => {
    body = await client.sync();
  });
  t.ok(
    ofMany < 3 * ofFew,
    `${ofFew} for ${fewRooms.length} rooms, ${ofMany} for ${manyRooms.length}`,
  );
  t.same(Object.keys(body?.rooms.join).sort(), manyRooms);
  for (const roomId of manyRooms) {
    t.match(lastWords(body?.rooms.join[roomId]), { content: { body: /^first/ } });
  }
});

t.test('so does a sync that goes on from long ago', async (t) => {
  const clients = [new SyncClient(server, few), new SyncClient(server, many)] as const;
  for (const client of clients) await client.sync();
  for (const roomId of [...fewRooms, ...manyRooms]) await host.say(roomId, 'second');
  const asked: number[] = [];
  for (const client of clients) {
    asked.push(
      await askedAfterStart(async () => {
        const { join } = (await client.sync()).rooms;
        const counts = { notification_count: 2, highlight_count: 0 };
        for (const room of Object.values<Parameters<typeof lastWords>[0]>(join)) {
          t.match(room, { timeline: { limited: false }, unread_notifications: counts });
          t.match(lastWords(room), { content: { body: 'second' } });
        }
        t.equal(Object.keys(join).length, client === clients[0] ? 3 : manyRooms.length);
      }),
    );
  }
  t.ok((asked[1] ?? 0) < 3 * (asked[0] ?? 0), `${asked}`);
});

t.test(
  'a long answer comes whole, by HTTP in pieces and by WebSocket in one message',
  async (t) => {
    const path = `${server.url}/_matrix/client/v3/sync`;
    const headers = { authorization: `Bearer ${many.accessToken}` };
    const answer = await fetch(path, { headers });
    const bytes = Buffer.from(await answer.arrayBuffer());
    t.ok(bytes.length > 100_000);
    t.equal(Number(answer.headers.get('content-length')), bytes.length);
    const body = JSON.parse(bytes.toString());
    const socketPath = '/_matrix/client/unstable/dev.candor.ws/sync';
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${socketPath}`, {
      headers,
    } as never);
    t.teardown(() => socket.close());
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    const message = new Promise<MessageEvent>((resolve) =>
      socket.addEventListener('message', resolve, { once: true }),
    );
    socket.send('{}');
    const { data } = await message;
    t.same(Object.keys(JSON.parse(data).rooms.join).sort(), Object.keys(body.rooms.join).sort());
  },
);

t.test('many invitations come in one answer', async (t) => {
  const invited = await person(server, 'invited');
  const roomIds = manyRooms.slice(0, limits.syncRoomsPerSlice + 3);
  for (const roomId of roomIds) {
    await host.insist('POST', `/rooms/${enc(roomId)}/invite`, { user_id: invited.userId });
  }
  const { invite } = (await new SyncClient(server, invited).sync()).rooms;
  t.same(Object.keys(invite).sort(), roomIds);
  for (const roomId of roomIds) {
    const types = invite[roomId].invite_state.events.map((event: { type: string }) => event.type);
    t.ok(types.includes('m.room.member') && types.includes('m.room.create'));
  }
});
