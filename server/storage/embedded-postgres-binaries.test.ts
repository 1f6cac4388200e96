import { spawnSync } from 'node:child_process';
import { chmod, cp, lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { postgresAccount } from './embedded-postgres-account.ts';
import { findPostgresBinaries, postgresEnvironment } from './embedded-postgres-binaries.ts';

const account = postgresAccount();
const folder = await mkdtemp(join(tmpdir(), 'candor-bin-'));
await chmod(folder, 0o755);
t.teardown(() => rm(folder, { recursive: true, force: true }));

const installed = dirname(
  dirname(
    createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    ),
  ),
);

/** A copy of the package as an installation without its install script leaves it. */
const packageWithoutLinks = async (): Promise<string> => {
  const root = join(folder, 'package');
  await cp(installed, root, { recursive: true, verbatimSymlinks: true });
  const library = join(root, 'native', 'lib');
  for (const name of await readdir(library))
    if ((await lstat(join(library, name))).isSymbolicLink()) await rm(join(library, name));
  return root;
};

t.test(
  'a package that cannot be run where it is gets copied, with its symbolic links',
  async (t) => {
    const root = await packageWithoutLinks();
    // As root also behind a private home, where the database's account may not go.
    await chmod(root, 0o700);
    const broken = spawnSync(join(root, 'native/bin/postgres'), ['--version']);
    t.not(broken.status, 0, 'it does not run without its links');
    const find = () => findPostgresBinaries(folder, undefined, account, () => root);
    const binaries = await find();
    t.equal(binaries.major, 18);
    t.ok(binaries.directory.startsWith(join(folder, 'postgresql-bin')));
    for (const name of ['postgres', 'initdb']) {
      const options = { ...account, env: postgresEnvironment, cwd: '/' };
      const { status } = spawnSync(join(binaries.directory, name), ['--version'], options);
      t.equal(status, 0, name);
    }
    t.strictSame(await find(), binaries, 'the copy is used again');
  },
);

t.test('the package’s programs are run in place when they can be', async (t) => {
  const binaries = await findPostgresBinaries(folder, undefined, undefined);
  t.strictSame(binaries, { directory: join(installed, 'native/bin'), major: 18 });
});

t.test('other programs are used by database.bin_dir, and a wrong one is named', async (t) => {
  const binDir = join(installed, 'native/bin');
  t.strictSame(await findPostgresBinaries(folder, binDir, undefined), {
    directory: binDir,
    major: 18,
  });
  await t.rejects(
    findPostgresBinaries(folder, join(folder, 'none'), undefined),
    /database\.bin_dir: .*none.postgres does not run/,
  );
});
