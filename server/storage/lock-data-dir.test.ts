import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { lockDataDir } from './lock-data-dir.ts';
import { socketDirectory } from './socket-directory.ts';

const folder = await mkdtemp(join(tmpdir(), 'candor-lock-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

/** A process of its own that takes the lock and keeps it until it is killed. */
const holder = async (dataDir: string) => {
  const program = `
    const { lockDataDir } = await import(${JSON.stringify(join(import.meta.dirname, 'lock-data-dir.ts'))});
    try {
      await lockDataDir(process.argv[1]);
      process.stdout.write('held');
      setInterval(() => {}, 1e6);
    } catch (error) { process.stdout.write(error.message); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said) };
};

t.test('one process at a time holds a data directory', async (t) => {
  const dataDir = join(folder, 'one', 'data');
  const lock = await lockDataDir(dataDir);
  t.equal((await stat(dataDir)).mode & 0o777, 0o700);
  const refusal = new RegExp(`${dataDir} is in use by another candor \\(process ${process.pid}\\)`);
  await t.rejects(lockDataDir(dataDir), refusal);
  t.match((await holder(dataDir)).said, refusal);
  await lock.release();
  const again = await lockDataDir(dataDir);
  await again.release();
  t.strictSame(await readdir(join(dataDir, 'run')), ['lock.2'], 'the dead name, and no other');
});

t.test('the lock ends with its process, however that dies', async (t) => {
  const dataDir = join(folder, 'killed');
  const { child, said } = await holder(dataDir);
  t.equal(said, 'held');
  await t.rejects(lockDataDir(dataDir), new RegExp(`process ${child.pid}`));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockDataDir(dataDir);
  await t.rejects(lockDataDir(dataDir), new RegExp(`process ${process.pid}`));
  await lock.release();
});

t.test('of many that start at once after a crash one gets the lock', async (t) => {
  const dataDir = join(folder, 'many');
  const { child } = await holder(dataDir);
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (let round = 0; round < 100; round += 1) {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)));
    const locks = results.filter((result) => result.status === 'fulfilled');
    if (locks.length !== 1) t.fail(`${locks.length} got it`);
    for (const { value } of locks) await value.release();
  }
  t.match(await readdir(join(dataDir, 'run')), ['lock.101'], 'each after the one before');
});

t.test('a path too long for a socket gets a private directory elsewhere', async (t) => {
  const deep = join(folder, 'deep'.repeat(40));
  const lock = await lockDataDir(deep);
  const sockets = await socketDirectory(deep, undefined);
  t.notOk(sockets.startsWith(folder));
  t.equal((await stat(sockets)).mode & 0o777, 0o700);
  await t.rejects(lockDataDir(deep), /in use/);
  await lock.release();
  await t.rejects(stat(sockets), { code: 'ENOENT' }, 'removed with the lock');
  await writeFile(sockets, '');
  t.teardown(() => rm(sockets, { force: true }));
  await t.rejects(
    lockDataDir(deep),
    /is no directory or belongs to another user/,
    'a file in its place is not used',
  );
});
