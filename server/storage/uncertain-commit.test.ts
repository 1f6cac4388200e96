import t from 'tap';
import { startCuttingProxy } from '../testing/cutting-proxy.ts';
import { person, until } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
import { type Teardown, testDatabase } from '../testing/test-database.ts';

const setUp = async (t: Teardown) => {
  const { url } = await testDatabase(t);
  const proxy = await startCuttingProxy(t, url);
  const server = await startTestServer(t, { env: { CANDOR_DATABASE_URL: proxy.url } });
  return { proxy, server };
};

/** Asks until the database is back. */
const again = async <T extends { readonly status: number }>(ask: () => Promise<T>): Promise<T> => {
  let answer = await ask();
  await until(async () => {
    if (answer.status !== 503) return true;
    answer = await ask();
    return false;
  });
  return answer;
};

t.test('a commit whose answer is lost is told when the database is back', async (t) => {
  const { proxy, server } = await setUp(t);
  const alice = await person(server, 'alice');
  const bob = await person(server, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, server);
  await alice.say(roomId, 'before');
  const sync = async (since: string, timeout = 0) =>
    (await again(() => bob.request('GET', `/sync?timeout=${timeout}&since=${since}`))).body;
  let { next_batch: since } = await bob.insist('GET', '/sync');
  // Twice, so that the server knows by heart that no note waits.
  for (let count = 0; count < 2; count += 1) since = (await sync(since)).next_batch;

  const note = () =>
    alice.request('PUT', '/sendToDevice/org.example.note/one', {
      messages: { [bob.userId]: { '*': { text: 'note' } } },
    });
  const cutAtNote = proxy.cutAfter('commit');
  t.equal((await note()).status, 503, 'the sender of a note is told to try again');
  await cutAtNote;
  proxy.open();
  t.equal((await again(note)).status, 200);
  const noted = await sync(since, 5_000);
  t.strictSame(
    noted.to_device?.events?.map((event: { content: object }) => event.content),
    [{ text: 'note' }],
    'the note is seen',
  );

  const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/two`;
  const say = () => alice.request('PUT', path, { msgtype: 'm.text', body: 'lost answer' });
  const cutAtSay = proxy.cutAfter('INSERT INTO events');
  t.equal((await say()).status, 503, 'the sender of a message is told to try again');
  await cutAtSay;
  proxy.open();
  const said = await again(say);
  t.equal(said.status, 200);
  const heard = await sync(noted.next_batch, 5_000);
  t.notOk(heard.to_device, 'the note came once');
  const afterwards = await alice.say(roomId, 'after');
  const last = await sync(heard.next_batch, 5_000);
  const idsOf = (body: typeof heard) =>
    body.rooms?.join?.[roomId]?.timeline?.events?.map(
      (event: { event_id: string }) => event.event_id,
    );
  t.strictSame(idsOf(heard), [said.body.event_id], 'the message is seen');
  t.strictSame(idsOf(last), [afterwards], 'and once');
});
