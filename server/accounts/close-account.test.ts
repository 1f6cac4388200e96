import t from 'tap';
import { deactivateAccountRows } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import { startTestServer } from '../testing/start-server.ts';
import { SyncClient } from '../testing/sync-client.ts';
import { closeAccount } from './close-account.ts';

t.test('who closes an account leaves all rooms, after a crash at the next start', async (t) => {
  const server = await startTestServer(t);
  const alice = await person(server, 'alice');
  const roomIds: string[] = [];
  for (let count = 0; count < 3; count += 1)
    roomIds.push(await alice.createRoom({ preset: 'public_chat' }));
  const members = async () => {
    const answers = [];
    for (const roomId of roomIds) {
      const path = `/rooms/${encodeURIComponent(roomId)}/joined_members`;
      answers.push(...Object.keys((await alice.insist('GET', path)).joined));
    }
    return answers.filter((userId) => userId !== alice.userId);
  };
  const bob = await person(server, 'bob');
  const carol = await person(server, 'carol');
  for (const one of [bob, carol]) for (const roomId of roomIds) await one.join(roomId, server);

  await closeAccount(server.context, bob.userId, { isErased: false });
  t.strictSame(await members(), [carol.userId, carol.userId, carol.userId]);

  // As far as a process comes that ends before the rooms are left.
  await transact(server.context.db, (tx) =>
    deactivateAccountRows(tx, carol.userId, false, Date.now()),
  );
  t.equal((await members()).length, 3);
  await server.restart();
  await until(async () => (await members()).length === 0);
  t.pass('all rooms were left');
});

t.test('who enters after an erasure gets redacted copies of what was said before', async (t) => {
  const [here, there] = await startTestNetwork(t, 2);
  const alice = await person(here, 'alice');
  const bob = await person(here, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, here);
  await alice.setState(roomId, 'm.room.topic', { topic: 'stays' });
  const said = await alice.say(roomId, 'secret');
  await bob.say(roomId, 'answer');
  const later = await person(here, 'later');
  const remote = await person(there, 'remote');
  const messages = async (who: Awaited<ReturnType<typeof person>>) => {
    const path = `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=50`;
    const { chunk } = await who.insist('GET', path);
    return chunk.flatMap((event: { content: { body?: string; topic?: string } }) =>
      [event.content.body, event.content.topic].filter((text) => text !== undefined),
    );
  };

  await closeAccount(here.context, alice.userId, { isErased: true });
  await later.join(roomId, here);
  await remote.join(roomId, here);
  t.strictSame(await messages(bob), ['answer', 'secret', 'stays'], 'who was there keeps it');
  t.strictSame(await messages(later), ['answer', 'stays']);
  t.strictSame(await messages(remote), ['answer', 'stays']);
  const event = `/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(said)}`;
  t.strictSame((await later.insist('GET', event)).content, {});
  const client = new SyncClient(here, later);
  await client.sync();
  t.strictSame(client.texts(roomId), [undefined, 'answer'], 'in a sync too');
});
