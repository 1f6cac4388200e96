import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createLog } from '../log.ts';
import { person, until } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';

t.setTimeout(300_000);

t.test('a database of the operator’s own is stopped and started under the server', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'candor-outside-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const log = createLog({ level: 'fatal', destination: process.stderr });
  const start = () => startEmbeddedPostgres({ dataDir, log });
  let postgres = await start();
  t.teardown(() => postgres.stop());
  const { host, user, database } = postgres.connection;
  const server = await startTestServer(t, {
    env: {
      CANDOR_DATABASE_URL: `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`,
    },
  });
  const alice = await person(server, 'alice');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message`;
  const acknowledged: string[] = [];
  let count = 0;
  const say = async (): Promise<number> => {
    count += 1;
    const txn = count;
    const { status, headers, body } = await alice.request('PUT', `${path}/${txn}`, {
      msgtype: 'm.text',
      body: `${txn}`,
    });
    if (status === 200) acknowledged.push(body.event_id);
    else t.ok(Number(headers.get('retry-after')) > 0, 'it says when to try again');
    return status;
  };
  const { next_batch: since } = await alice.insist('GET', '/sync');
  for (let round = 0; round < 2; round += 1) {
    for (let sent = 0; sent < 10; sent += 1) t.equal(await say(), 200);
    const underWay = Array.from({ length: 10 }, () => say());
    await postgres.stop();
    for (const status of await Promise.all(underWay)) t.ok([200, 503].includes(status));
    t.equal(await say(), 503);
    for (const probe of ['/ready', '/health'])
      t.match(await server.request('GET', probe), { status: 503, body: { reason: 'database' } });
    postgres = await start();
    await until(async () => (await say()) === 200);
    t.equal((await server.request('GET', '/ready')).status, 200);
  }
  const filter = encodeURIComponent('{"room":{"timeline":{"limit":500}}}');
  const body = await alice.insist('GET', `/sync?since=${since}&filter=${filter}`);
  const ids: string[] = body.rooms.join[roomId].timeline.events.map(
    (event: { event_id: string }) => event.event_id,
  );
  t.equal(new Set(ids).size, ids.length, 'nothing is there twice');
  t.strictSame(
    acknowledged.filter((id) => !ids.includes(id)),
    [],
    'nothing acknowledged is lost',
  );
});
