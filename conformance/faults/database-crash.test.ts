import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { type ReceivedAnswer, sendRequest } from '../send-request.ts';
import { nothingSeen, stubbornClient } from './stubborn-client.ts';

t.setTimeout(300_000);

t.test('PostgreSQL is killed under a server that runs on', async (t) => {
  const { servers, stop } = await startDeployment({ size: 1 });
  t.teardown(stop);
  const [server] = servers;
  const alice = stubbornClient(await server.register('alice'));
  const { room_id: roomId } = await alice.call<{ room_id: string }>('POST', '/createRoom', {});
  const seen = nothingSeen();
  await alice.sync(seen);
  seen.timelines.clear();
  seen.gaps.length = 0;
  const start = seen.since;

  let isOver = false;
  let count = 0;
  const acknowledged: string[] = [];
  const refused: ReceivedAnswer[] = [];
  const talk = async () => {
    while (!isOver) {
      count += 1;
      const text = `text ${count}`;
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${count}`;
      const answer = await sendRequest(server.url + path, {
        method: 'PUT',
        token: alice.accessToken,
        body: { msgtype: 'm.text', body: text },
      });
      if (answer.status === 200) acknowledged.push(text);
      else refused.push(answer);
    }
  };
  const probed = new Map<string, ReceivedAnswer>();
  const probe = async () => {
    while (!isOver) {
      for (const path of ['/ready', '/health']) {
        const answer = await sendRequest(server.url + path);
        if (answer.status !== 200) probed.set(path, answer);
      }
    }
  };
  const ended = Promise.all([talk(), talk(), talk(), probe()]);
  const { pid } = server;
  for (let kills = 0; kills < 3; kills += 1) {
    const before = acknowledged.length;
    await waitUntil('messages', () => acknowledged.length > before + 20);
    const file = await readFile(join(server.dataDir, 'postgresql/postmaster.pid'), 'latin1');
    process.kill(Number(file.split('\n', 1)[0]), 'SIGKILL');
    const refusedBefore = refused.length;
    await waitUntil('a refusal', () => refused.length > refusedBefore);
    await waitUntil('the database to be up again', async () => {
      await sleep(10);
      return (await sendRequest(`${server.url}/ready`)).status === 200;
    });
  }
  const before = acknowledged.length;
  await waitUntil('more messages', () => acknowledged.length > before + 20);
  isOver = true;
  await ended;

  t.equal(server.pid, pid, 'the server is the same process');
  t.ok(refused.length > 0);
  const isWellRefused = ({ status, headers, json }: ReceivedAnswer): boolean =>
    status === 503 &&
    Number(headers['retry-after']) > 0 &&
    (json as { errcode?: string })?.errcode === 'M_UNKNOWN';
  const other = refused.filter((answer) => !isWellRefused(answer));
  t.strictSame(other, [], 'all refusals are 503 and say when to try again');
  for (const path of ['/ready', '/health'])
    t.match(probed.get(path), { status: 503, json: { status: 'unavailable', reason: 'database' } });
  await alice.sync(seen);
  const texts = [...seen.texts.values()].filter((text) => text.startsWith('text '));
  t.equal(new Set(texts).size, texts.length, 'nothing is there twice');
  t.strictSame(
    acknowledged.filter((text) => !texts.includes(text)),
    [],
    'nothing is lost',
  );
  await server.kill();
  await server.start();
  const again = nothingSeen(start);
  await alice.sync(again);
  t.strictSame(again.timelines, seen.timelines, 'a start later the sequence is the same');
});
