import t from 'tap';
import { person } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
import { SyncClient } from '../testing/sync-client.ts';

const enc = encodeURIComponent;
const server = await startTestServer(t);
const threads = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } });

const setScene = async (suffix: string) => {
  const alice = await person(server, `alice${suffix}`);
  const bob = await person(server, `bob${suffix}`);
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await alice.say(roomId, 'before bob came');
  await bob.insist('POST', `/rooms/${enc(roomId)}/join`, {});
  const read = (eventId: string, type = 'm.read', body = {}) =>
    bob.insist('POST', `/rooms/${enc(roomId)}/receipt/${type}/${enc(eventId)}`, body);
  const unread = async (client: SyncClient) => {
    const part = (await client.sync()).rooms?.join?.[roomId];
    const { notification_count: notifications, highlight_count: highlights } =
      part?.unread_notifications ?? {};
    return [notifications, highlights];
  };
  return { alice, bob, roomId, read, unread };
};

t.test('what notifies is counted until it is read', async (t) => {
  const { alice, bob, roomId, read, unread } = await setScene('1');
  const client = new SyncClient(server, bob);
  const fresh = () => unread(new SyncClient(server, bob));
  t.same(await unread(client), [0, 0], 'what was before the joining is no news');
  const first = await alice.say(roomId, 'one');
  t.same(await unread(client), [1, 0], 'in the answer that brings the event');
  const second = await alice.send(roomId, 'm.room.message', {
    msgtype: 'm.text',
    body: 'bob!',
    'm.mentions': { user_ids: [bob.userId] },
  });
  await alice.send(roomId, 'm.room.message', { msgtype: 'm.notice', body: 'beep' });
  await alice.setState(roomId, 'm.room.topic', { topic: 'quiet' });
  t.same(await unread(client), [2, 1]);
  t.same(await fresh(), [2, 1]);
  await read(first);
  t.same(await unread(client), [1, 1]);
  await read(second, 'm.read.private');
  t.same(await unread(client), [0, 0], 'a private receipt counts too');
  await alice.say(roomId, 'three');
  t.same(await unread(client), [1, 0]);
  await bob.say(roomId, 'an answer');
  t.same(await unread(client), [0, 0], 'who writes has read');
  await alice.say(roomId, 'four');
  await server.restart();
  t.same(await unread(client), [1, 0], 'memory is not needed');
  t.same(await fresh(), [1, 0]);
});

t.test('threads are counted one by one for who asks for that', async (t) => {
  const { alice, bob, roomId, read } = await setScene('2');
  const client = new SyncClient(server, bob, { filter: threads });
  const counts = async () => {
    const part = (await client.sync()).rooms.join[roomId];
    return [part.unread_notifications.notification_count, part.unread_thread_notifications];
  };
  await client.sync();
  const root = await alice.say(roomId, 'root');
  const inThread = (event_id: string, rel_type = 'm.thread', type = 'm.room.message') =>
    alice.send(roomId, type, {
      msgtype: 'm.text',
      body: 'in the thread',
      'm.relates_to': { rel_type, event_id },
    });
  const reply = await inThread(root);
  await inThread(reply, 'm.reference');
  const count = { highlight_count: 0, notification_count: 2 };
  t.same(await counts(), [1, { [root]: count }]);
  await read(reply, 'm.read', { thread_id: root });
  t.same(await counts(), [1, { [root]: { ...count, notification_count: 1 } }]);
  await read(root, 'm.read', { thread_id: 'main' });
  t.same(await counts(), [0, { [root]: { ...count, notification_count: 1 } }]);
  await read(await alice.say(roomId, 'the end'));
  t.same(await counts(), [0, {}], 'a receipt without a thread is for all');
});

t.test('the rules of the user decide, from the change on', async (t) => {
  const { alice, bob, roomId, unread } = await setScene('3');
  const client = new SyncClient(server, bob);
  await client.sync();
  await bob.insist('PUT', `/pushrules/global/room/${enc(roomId)}`, { actions: [] });
  await alice.say(roomId, 'muted');
  t.same(await unread(client), [0, 0]);
  await bob.insist('PUT', '/pushrules/global/content/tea', {
    actions: ['notify', { set_tweak: 'highlight' }],
    pattern: 'tea',
  });
  await alice.say(roomId, 'time for Tea!');
  t.same(await unread(client), [1, 1]);
});
