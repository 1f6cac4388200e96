import { spawnSync } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startDeployment } from '../deployment.ts';
import type { Homeserver } from '../homeserver.ts';
import { sendRequest } from '../send-request.ts';

t.setTimeout(300_000);

const isRoot = process.getuid?.() === 0;
/** `nobody`, who may write nowhere but where a test allows it. */
const ordinary = { uid: 65_534, gid: 65_534 };
const program = join(import.meta.dirname, '../../server/bin/candor.js');
const deepNames = ['a folder with spaces', 'deep '.repeat(40).trim(), 'deeper '.repeat(30).trim()];

/** It registers, is killed, starts again on the same data and stops as it should. */
const liveAndDie = async (t: Test, server: Homeserver): Promise<void> => {
  const alice = await server.register('alice');
  const whoami = async () =>
    (
      await sendRequest(`${server.url}/_matrix/client/v3/account/whoami`, {
        token: alice.accessToken,
      })
    ).json;
  t.match(await whoami(), { user_id: alice.userId });
  await server.kill();
  await server.start();
  t.match(await whoami(), { user_id: alice.userId }, 'a start after a kill has everything');
  t.equal(await server.stop(), 0);
};

t.test('a second process on the same data is refused and names the first', async (t) => {
  const { servers, stop } = await startDeployment({ size: 1 });
  t.teardown(stop);
  const [server] = servers;
  const refusal = new RegExp(
    `ended with 1: candor: the data directory .* is in use by another candor \\(process ${server.pid}\\)`,
  );
  await t.rejects(server.run(['serve']), refusal);
  await liveAndDie(t, server);
});

t.test('a data directory may have spaces and a very long path', async (t) => {
  const top = await mkdtemp(join(tmpdir(), 'candor-deep-'));
  t.teardown(() => rm(top, { recursive: true, force: true }));
  const dataDir = join(top, ...deepNames, 'data');
  const env = { CANDOR_DATA_DIR: dataDir };
  const { servers, stop } = await startDeployment({ size: 1, env });
  t.teardown(stop);
  await liveAndDie(t, servers[0]);
  t.ok((await stat(join(dataDir, 'postgresql'))).isDirectory());
});

const runs = isRoot && spawnSync(process.execPath, [program, 'version'], ordinary).status === 0;
const skip = runs
  ? false
  : isRoot
    ? 'this checkout is not readable to an ordinary user'
    : 'only root can become another user; the other tests ran as an ordinary one';

t.test('an ordinary user runs it from a home of their own', { skip }, async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'candor home '));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  await chown(home, ordinary.uid, ordinary.gid);
  const above = join(home, deepNames[1] ?? '');
  await mkdir(above);
  await chown(above, ordinary.uid, ordinary.gid);
  const dataDir = join(above, 'data');
  const { servers, stop } = await startDeployment({
    size: 1,
    account: ordinary,
    env: { CANDOR_DATA_DIR: dataDir, HOME: home },
  });
  t.teardown(stop);
  await liveAndDie(t, servers[0]);
  t.equal((await stat(dataDir)).uid, ordinary.uid);
  t.equal((await stat(join(dataDir, 'postgresql'))).uid, ordinary.uid);
});
