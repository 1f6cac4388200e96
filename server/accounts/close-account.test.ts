import t from 'tap';
import { deactivateAccountRows } from '../storage/accounts.ts';
import { transact } from '../storage/database.ts';
import { person, until } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
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
