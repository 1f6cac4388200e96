import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const release = '1.163.2';
const installMsMax = 150_000;

export type SynapseInstallation =
  | { readonly python: string }
  /** Why there is none: no Python, no venv module, or no way to the registry. */
  | { readonly missing: string };

const cacheFolder = async (): Promise<string> => {
  try {
    const wished = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'candor');
    await mkdir(wished, { recursive: true });
    return wished;
  } catch {
    return mkdtemp(join(tmpdir(), 'candor-cache-'));
  }
};

const pythonIn = (folder: string) => join(folder, 'bin/python');

const works = (folder: string): Promise<boolean> =>
  access(pythonIn(folder)).then(
    () => true,
    () => false,
  );

/** pip ends with its reason on standard error; venv begins with it on standard output. */
const complaint = (error: unknown): string => {
  const { stderr = '', stdout = '', message } = error as Error & { [key: string]: string };
  return stderr.trim().split('\n').at(-1) || stdout.trim().split('\n')[0] || message;
};

/** Synapse in a virtual environment of the user's cache folder, made when it is not there yet. */
export const installSynapse = async (): Promise<SynapseInstallation> => {
  const cache = await cacheFolder();
  const folder = join(cache, `synapse-${release}`);
  if (await works(folder)) return { python: pythonIn(folder) };
  // Made beside its place and moved, so that an interrupted installation is never taken for a whole one.
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await run('python3', ['-m', 'venv', fresh]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(pythonIn(fresh), [...pip, `matrix-synapse==${release}`], { timeout: installMsMax });
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another test run may have been quicker.
    if (!(await works(folder))) return { missing: complaint(error) };
  }
  return { python: pythonIn(folder) };
};
