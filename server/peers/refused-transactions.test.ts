import t from 'tap';
import { transact } from '../storage/database.ts';
import { queueEdu } from '../storage/queue-edu.ts';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';

const [here, there] = await startTestNetwork(t, 2);

t.test('what was queued and cannot be signed holds up its server for a moment', async (t) => {
  const alice = await person(here, 'alice');
  const bob = await person(there, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, here);
  const edu = { edu_type: 'm.direct_to_device', content: { float: 0.5 } };
  await transact(here.context.db, (tx) => queueEdu(tx, [there.serverName], edu));
  await arrives(there, await alice.say(roomId, 'behind it'));
  const left = () => here.context.db.sql.selectFrom('outbound_edus').selectAll().execute();
  await until(async () => (await left()).length === 0);
  t.ok(here.logLines.some((line) => line.includes('refuses this each time')));
  await arrives(there, await alice.say(roomId, 'and after it'));
});
