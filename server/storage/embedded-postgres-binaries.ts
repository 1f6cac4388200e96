import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { OperatorError } from '../config/operator-error.ts';
import type { Account } from './embedded-postgres-account.ts';
import { folderInTheWay, giveTo } from './embedded-postgres-ownership.ts';

export type PostgresBinaries = {
  readonly directory: string;
  /** Major version, such as 18. */
  readonly major: number;
};

const run = promisify(execFile);

/** Nothing of our environment but what the programs need: PGDATA and the like must not reach them. */
export const postgresEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

const majorOf = async (directory: string, account: Account | undefined): Promise<number> => {
  const { stdout } = await run(join(directory, 'postgres'), ['--version'], {
    ...account,
    env: postgresEnvironment,
    cwd: '/',
  });
  const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
  if (major === undefined) throw new Error(`unexpected answer: ${stdout}`);
  return Number(major);
};

const packageRoot = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new OperatorError(
      `the embedded PostgreSQL needs the npm package ${name}, which is not installed (was npm run with --omit=optional, or is there none for this platform?); set database.url or database.bin_dir`,
      { cause },
    );
  }
};

type Link = { readonly source: string; readonly target: string };

/** The package leaves its symbolic links to an install script, which many installations do not run. */
const makeSymlinks = async (root: string): Promise<void> => {
  const listed = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(listed) as Link[]) {
    const path = join(root, target);
    await rm(path, { force: true });
    await symlink(relative(dirname(target), source), path);
  }
};

// For the account of a server whose data directory lies behind a private home.
const cacheDirectory = '/var/cache/candor';

const copyInto = async (
  folder: string,
  root: string,
  account: Account | undefined,
): Promise<string> => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const copies = join(folder, 'postgresql-bin');
  const copy = join(copies, String(version));
  const isThere = await stat(copy).catch(() => undefined);
  if (isThere === undefined) {
    const partial = `${copy}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    for (const passed of [folder, copies])
      await chmod(passed, account === undefined ? 0o700 : 0o711);
    await cp(join(root, 'native'), join(partial, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\.a$|[/\\](?:pgxs|pkgconfig)$/.test(path),
    });
    await makeSymlinks(partial);
    if (account !== undefined) await giveTo(account, partial);
    await rename(partial, copy);
  }
  return join(copy, 'native', 'bin');
};

/**
 * The programs the account can really run: those of `binDir`, else those of the npm package, else a
 * copy of them in the data directory (a private home, an installation without its symbolic links),
 * or, where the account may not go there either, in the system's cache.
 */
export const findPostgresBinaries = async (
  dataDir: string,
  binDir: string | undefined,
  account: Account | undefined,
  findPackage: () => string = packageRoot,
): Promise<PostgresBinaries> => {
  if (binDir !== undefined) {
    const major = await majorOf(binDir, account).catch((cause: Error) => {
      throw new OperatorError(
        `database.bin_dir: ${join(binDir, 'postgres')} does not run: ${cause.message}`,
        { cause },
      );
    });
    return { directory: binDir, major };
  }
  const root = findPackage();
  const directory = join(root, 'native', 'bin');
  try {
    return { directory, major: await majorOf(directory, account) };
  } catch {
    const isBarred = account && (await folderInTheWay(account, join(dataDir, 'postgresql-bin')));
    const copy = await copyInto(isBarred ? cacheDirectory : dataDir, root, account);
    const major = await majorOf(copy, account).catch((cause: Error) => {
      throw new OperatorError(
        `the embedded PostgreSQL does not run here: ${cause.message}; set database.url, or database.bin_dir to the folder of another PostgreSQL's programs`,
        { cause },
      );
    });
    return { directory: copy, major };
  }
};
