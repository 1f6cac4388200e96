import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { chmod, mkdtemp, open, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { type SentRequest, sendRequest } from '../send-request.ts';
import { nothingSeen, stubbornClient } from './stubborn-client.ts';

t.setTimeout(300_000);

/** Only root may, and not in every container. */
const mayMount = (): boolean => {
  const disk = mkdtempSync(join(tmpdir(), 'candor-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', disk]);
  if (status === 0) execFileSync('umount', [disk]);
  rmdirSync(disk);
  return status === 0;
};
const skip = mayMount() ? false : 'the small disk that this fills cannot be mounted here';

/** Writes a file until the disk has no byte left. */
const fill = async (path: string): Promise<void> => {
  const file = await open(path, 'w');
  for (const size of [1_048_576, 4_096, 1]) {
    const bytes = Buffer.alloc(size);
    while ((await file.write(bytes).catch(() => undefined)) !== undefined);
  }
  await file.close();
};

t.test(
  'a full disk stops writes, not reads, and no longer than it is full',
  { skip },
  async (t) => {
    const disk = await mkdtemp(join(tmpdir(), 'candor-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=224m', 'tmpfs', disk]);
    await chmod(disk, 0o755);
    t.teardown(async () => {
      execFileSync('umount', [disk]);
      await rmdir(disk);
    });
    const dataDir = join(disk, 'data');
    const { servers, stop } = await startDeployment({ size: 1, env: { CANDOR_DATA_DIR: dataDir } });
    t.teardown(stop);
    const [server] = servers;
    const alice = stubbornClient(await server.register('alice'));
    const { room_id: roomId } = await alice.call<{ room_id: string }>('POST', '/createRoom', {});
    const room = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`;
    const ask = (path: string, request: SentRequest = {}) =>
      sendRequest(server.url + path, { token: alice.accessToken, ...request });
    const postmaster = async () =>
      (await readFile(join(dataDir, 'postgresql/postmaster.pid'), 'latin1')).split('\n', 1)[0];
    const seen = nothingSeen();
    await alice.sync(seen);
    seen.timelines.clear();
    const [pid, databasePid] = [server.pid, await postmaster()];

    let count = 0;
    const acknowledged: string[] = [];
    const say = async () => {
      count += 1;
      const body = { msgtype: 'm.text', body: 'x'.repeat(30_000) };
      const answer = await ask(`${room}/send/m.room.message/${count}`, { method: 'PUT', body });
      if (answer.status === 200) acknowledged.push((answer.json as { event_id: string }).event_id);
      return answer;
    };
    const upload = (size: number) =>
      ask('/_matrix/media/v3/upload', {
        method: 'POST',
        body: randomBytes(size),
        headers: { 'content-type': 'application/octet-stream' },
      });
    for (let sent = 0; sent < 20; sent += 1) await say();
    t.equal((await upload(1_000)).status, 200);
    const files = () => readdir(join(dataDir, 'media'), { recursive: true });
    const filesBefore = await files();

    await fill(join(disk, 'ballast'));
    const refused = await waitUntil('a refusal', async () => {
      const answer = await say();
      return answer.status === 200 ? undefined : answer;
    });
    for (const answer of [refused, await say(), await upload(100_000), await upload(5_000_000)]) {
      t.match(answer, { status: 503, json: { errcode: 'M_UNKNOWN', error: String } });
      t.ok(Number(answer.headers['retry-after']) > 0);
    }
    t.strictSame(await files(), filesBefore, 'no part of a file stays');
    for (let more = 0; more < 40; more += 1) t.equal((await say()).status, 503);
    for (const path of [
      '/ready',
      '/health',
      '/_matrix/client/v3/account/whoami',
      `${room}/messages?dir=b`,
      `${room}/state`,
    ])
      t.equal((await ask(path)).status, 200, path);
    await alice.sync(seen);
    t.strictSame(seen.timelines.get(roomId), acknowledged, 'what was acknowledged can be read');
    const keys = { method: 'POST', body: { device_keys: { [alice.userId]: [] } } };
    t.equal((await ask('/_matrix/client/v3/keys/query', keys)).status, 200);

    await rm(join(disk, 'ballast'));
    await waitUntil('writes to be taken again', async () => (await say()).status === 200);
    t.equal((await upload(1_000_000)).status, 200);
    t.equal(server.pid, pid, 'the server was not restarted');
    t.equal(await postmaster(), databasePid, 'nor was the database');
    const after = nothingSeen(seen.since);
    await alice.sync(after);
    const ids = [...acknowledged.slice(0, -1), ...(after.timelines.get(roomId) ?? [])];
    t.strictSame(ids, acknowledged, 'nothing was lost or doubled');
  },
);
