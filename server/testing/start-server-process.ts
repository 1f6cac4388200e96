import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CertificateAuthority } from '@candor/federation/testing';
import { prepareServer, type TestServerOptions } from './prepare-server.ts';
import type { TestUser } from './start-server.ts';
import type { Teardown } from './test-database.ts';
import { requestsTo, type SendRequest } from './test-request.ts';

export type TestProcess = {
  readonly url: string;
  readonly serverName: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly authority: CertificateAuthority;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  register(name: string, password?: string): Promise<TestUser>;
  readonly request: SendRequest;
  /** Ends it with SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** Ends it with SIGTERM and gives the exit status. */
  stop(): Promise<number | null>;
  /** Starts it again on the same data, database and ports. */
  start(): Promise<void>;
};

const main = join(import.meta.dirname, '..', 'main.ts');

/** Rejects when the process ends before it says that it serves. */
const started = async (child: ChildProcess): Promise<void> => {
  if (!child.stderr) throw new Error('standard error is not piped');
  const lines: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    lines.push(line);
    if (!/^\s+federation\s/.test(line)) continue;
    child.stderr.resume();
    return;
  }
  throw new Error(`the server did not start:\n${lines.join('\n')}`);
};

/** The server as a process of its own, to be killed in the middle of its work. */
export const startServerProcess = async (
  t: Teardown,
  options: TestServerOptions = {},
): Promise<TestProcess> => {
  const { authority, databaseUrl, env } = await prepareServer(t, options);
  const serverName = env['CANDOR_SERVER_NAME'] ?? '';
  const url = `http://${env['CANDOR_CLIENT_LISTEN']}`;
  const request = requestsTo(url);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, [main, 'serve'], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await started(child);
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!child) return null;
    const ending = child;
    child = undefined;
    const ended = once(ending, 'exit');
    ending.kill(signal);
    const [code] = await ended;
    return code as number | null;
  };
  t.teardown(async () => {
    await end('SIGKILL');
  });
  await start();
  return {
    url,
    serverName,
    dataDir: env['CANDOR_DATA_DIR'] ?? '',
    databaseUrl,
    authority,
    get pid() {
      return child?.pid;
    },
    register: async (name, password = 'correct horse') => {
      const body = { username: name, password, auth: { type: 'm.login.dummy' } };
      const answer = await request('POST', '/_matrix/client/v3/register', { body });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      const { user_id, access_token, device_id } = answer.body;
      return { userId: user_id, accessToken: access_token, deviceId: device_id };
    },
    request,
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    start,
  };
};
