import t from 'tap';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import { startTestServer } from '../testing/start-server.ts';

t.test('nothing is kept for a server that the settings deny', async (t) => {
  const [here, there] = await startTestNetwork(t, 2);
  const alice = await person(here, 'alice');
  const bob = await person(there, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, here);
  await arrives(there, await alice.say(roomId, 'before'));
  const { databaseUrl, dataDir, authority } = here;
  await here.stop();

  const denying = await startTestServer(t, {
    authority,
    env: {
      CANDOR_SERVER_NAME: here.serverName,
      CANDOR_DATABASE_URL: databaseUrl,
      CANDOR_DATA_DIR: dataDir,
      CANDOR_FEDERATION_DENY: there.serverName,
    },
  });
  const waiting = async (): Promise<number> => {
    const { rows } = await denying.context.db.pool.query(
      `SELECT (SELECT count(*) FROM outbound_pdus) + (SELECT count(*) FROM outbound_edus)
       + (SELECT count(*) FROM destinations) AS n`,
    );
    return rows[0].n;
  };
  const token = alice.accessToken;
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message`;
  for (let count = 0; count < 5; count += 1) {
    const body = { msgtype: 'm.text', body: 'denied' };
    t.equal((await denying.request('PUT', `${path}/${count}`, { token, body })).status, 200);
  }
  await until(async () => (await waiting()) === 0);
  // As an earlier run with other settings would have left it.
  await denying.context.db.pool.query(
    'INSERT INTO outbound_edus (destination, edu) VALUES ($1, $2)',
    [there.serverName, '{}'],
  );
  await denying.restart();
  t.equal(await waiting(), 0, 'nor what was kept before');
});
