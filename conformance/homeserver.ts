import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, registerAccount } from './register-account.ts';
import { sendRequest } from './send-request.ts';

/** A Candor of our own in a child process. */
export type Homeserver = {
  readonly serverName: string;
  /** For clients: plain HTTP on loopback, HTTPS when it listens elsewhere. */
  readonly url: string;
  /** The HTTPS listener, without the capturing proxy. */
  readonly secureUrl: string;
  readonly dataDir: string;
  /** Settings as environment variables, for other commands of `candor`. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  register(name: string, options?: { password?: string; admin?: boolean }): Promise<Account>;
  /** Runs another command, `['export', '--out', file]`, perhaps with other settings; gives what it printed, rejects with what it said when it fails. */
  run(args: readonly string[], env?: Homeserver['env']): Promise<string>;
  /** Everything that it wrote to its standard output and error so far, over all starts. */
  logs(): Promise<string>;
  /** Starts it on the same data and ports, and resolves when it can serve. */
  start(): Promise<void>;
  /** SIGTERM, and SIGKILL when that is not heeded; resolves with the exit status, null for a killed one. */
  stop(): Promise<number | null>;
  /** SIGKILL, as a crash would; its PostgreSQL runs on until the next start or `stop`. */
  kill(): Promise<void>;
};

const program = join(import.meta.dirname, '../server/bin/candor.js');
const readyMsMax = 150_000;
const stopMsMax = 100_000;
const pollMs = 25;

type Clients = { readonly url: string; readonly ca: string | undefined };

const untilReady = async (
  child: ChildProcess,
  { url, ca }: Clients,
  logs: () => Promise<string>,
) => {
  for (let waitedMs = 0; waitedMs < readyMsMax; waitedMs += pollMs) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const answer = await sendRequest(`${url}/ready`, ca === undefined ? {} : { ca }).catch(
      () => undefined,
    );
    if (answer?.status === 200) return;
    await sleep(pollMs);
  }
  child.kill('SIGKILL');
  throw new Error(`the homeserver at ${url} did not start:\n${await logs()}`);
};

/** Process ids are used again: a process that works elsewhere is not this homeserver's PostgreSQL. */
const worksIn = async (pid: number, cluster: string): Promise<boolean> => {
  if (process.platform !== 'linux') return true;
  const folder = await realpath(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder === (await realpath(cluster));
};

/** A homeserver that was killed leaves its PostgreSQL behind. */
const endOrphan = async (dataDir: string): Promise<void> => {
  const cluster = join(dataDir, 'postgresql');
  const lines = await readFile(join(cluster, 'postmaster.pid'), 'latin1').catch(() => '');
  const pid = Number(lines.split('\n', 1)[0]);
  if (!(pid > 1) || !(await worksIn(pid, cluster))) return;
  for (let isSignalled = false; ; isSignalled = true) {
    try {
      process.kill(pid, isSignalled ? 0 : 'SIGINT');
    } catch {
      return;
    }
    await sleep(pollMs);
  }
};

const runCommand = async (args: readonly string[], env: Homeserver['env']): Promise<string> => {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [printed, said, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (code !== 0) throw new Error(`candor ${args.join(' ')} ended with ${code}: ${said}`);
  return printed;
};

export type SystemAccount = { readonly uid: number; readonly gid: number };

export type HomeserverOptions = {
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Whom to believe its certificate by, when it serves clients by HTTPS. */
  readonly ca?: string;
  /** Arguments of Node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  /** Whom it runs as; only root can choose. */
  readonly account?: SystemAccount | undefined;
};

/** A homeserver with these settings, not started yet. */
export const createHomeserver = ({
  env,
  logFile,
  nodeArgs = [],
  account,
  ca,
}: HomeserverOptions): Homeserver => {
  const setting = (name: string): string => env[`CANDOR_${name}`] ?? '';
  const dataDir = setting('DATA_DIR');
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(setting('CLIENT_LISTEN')) ?? [];
  const url = host === '0.0.0.0' ? `https://localhost:${port}` : `http://${host}:${port}`;
  let child: ChildProcess | undefined;
  const logs = () => readFile(logFile, 'utf8').catch(() => '');
  const endChild = () => child?.kill('SIGTERM');

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = child;
    child = undefined;
    process.off('exit', endChild);
    if (!ending || ending.exitCode !== null || ending.signalCode !== null)
      return ending?.exitCode ?? null;
    const ended = once(ending, 'exit');
    ending.kill(signal);
    const deadline = setTimeout(() => ending.kill('SIGKILL'), stopMsMax);
    const [code] = await ended;
    clearTimeout(deadline);
    return code as number | null;
  };

  return {
    serverName: setting('SERVER_NAME'),
    url,
    secureUrl: `https://${setting('FEDERATION_LISTEN')}`,
    dataDir,
    env,
    get pid() {
      return child?.pid;
    },
    register: (name, { password = `password of ${name}`, admin = false } = {}) =>
      registerAccount(url, setting('REGISTRATION_SHARED_SECRET'), { name, password, admin }),
    run: (args, others = {}) => runCommand(args, { ...env, ...others }),
    logs,
    start: async () => {
      if (child) throw new Error(`${url} runs already`);
      const log = await open(logFile, 'a');
      child = spawn(process.execPath, [...nodeArgs, program, 'serve'], {
        ...account,
        env: { PATH: process.env['PATH'], ...env },
        stdio: ['ignore', log.fd, log.fd],
      });
      await log.close();
      process.on('exit', endChild);
      await untilReady(child, { url, ca }, logs);
    },
    stop: async () => {
      const code = await end('SIGTERM');
      await endOrphan(dataDir);
      return code;
    },
    kill: async () => {
      await end('SIGKILL');
    },
  };
};
