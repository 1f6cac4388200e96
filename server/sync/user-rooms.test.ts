import t from 'tap';
import { person } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';

t.test('two who ask at once both find a room that has just come', async (t) => {
  const server = await startTestServer(t);
  const alice = await person(server, 'alice');
  const bob = await person(server, 'bob');
  const { rooms } = server.context.sync;
  t.equal((await rooms.of(bob.userId)).size, 0);
  const roomId = await alice.createRoom({ invite: [bob.userId] });
  const asked = await Promise.all([rooms.of(bob.userId), rooms.of(bob.userId)]);
  t.strictSame(
    asked.map((found) => found.get(roomId)?.membership),
    ['invite', 'invite'],
  );
});
