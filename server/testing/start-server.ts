import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAccount } from '../accounts/create-account.ts';
import { createSession } from '../accounts/create-session.ts';
import { readConfig } from '../config/read-config.ts';
import type { Context } from '../context.ts';
import { createLog } from '../log.ts';
import { type RunningServer, startServer } from '../server.ts';
import { type CertificateAuthority, makeAuthority } from './certificate-authority.ts';
import { type Teardown, testDatabase } from './test-database.ts';

export type TestAnswer = {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or the text when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and would fail on a wrong shape.
  readonly body: any;
};

export type TestRequest = {
  readonly token?: string;
  /** JSON, or bytes or text sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type TestUser = {
  readonly userId: string;
  readonly accessToken: string;
  readonly deviceId: string;
};

export type TestServer = {
  /** Of the client listener, plain HTTP on loopback. */
  readonly url: string;
  readonly serverName: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly authority: CertificateAuthority;
  /** What domain functions take, for tests below HTTP. */
  readonly context: Context;
  readonly firstAdminToken: string | undefined;
  /** Every log line so far. */
  readonly logLines: readonly string[];
  /** An account with a session, made without the cost of a password; with `password` one that can log in. */
  register(
    name: string,
    options?: { readonly password?: string; readonly isAdmin?: boolean },
  ): Promise<TestUser>;
  request(method: string, path: string, request?: TestRequest): Promise<TestAnswer>;
  /** Also done at the end of the test. */
  stop(): Promise<void>;
  /** Stops and starts again on the same data, database and ports. */
  restart(): Promise<void>;
};

export type TestServerOptions = {
  /** Environment variables over those of the tests: `{ CANDOR_REGISTRATION: 'token' }`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly authority?: CertificateAuthority;
};

let ownAuthority: CertificateAuthority | undefined;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const toAnswer = async (response: Response): Promise<TestAnswer> => {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.status, headers: response.headers, body };
};

type FetchBody = NonNullable<Parameters<typeof fetch>[1]>['body'];

const toBody = (body: unknown): FetchBody =>
  body === undefined || typeof body === 'string' || body instanceof Uint8Array
    ? (body as FetchBody)
    : JSON.stringify(body);

const prepare = async (t: Teardown, options: TestServerOptions) => {
  ownAuthority ??= makeAuthority();
  const authority = options.authority ?? ownAuthority;
  const dataDir = await mkdtemp(join(tmpdir(), 'candor-server-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const database = await testDatabase(t);
  const [clientPort, federationPort] = [await freePort(), await freePort()];
  const { cert, key } = authority.issue(['localhost', '127.0.0.1']);
  const file = (name: string) => join(dataDir, name);
  await writeFile(file('cert.pem'), cert);
  await writeFile(file('key.pem'), key, { mode: 0o600 });
  await writeFile(file('authority.pem'), authority.cert);
  const result = readConfig({
    env: {
      CANDOR_SERVER_NAME: `localhost:${federationPort}`,
      CANDOR_DATA_DIR: dataDir,
      CANDOR_DATABASE_URL: database.url,
      CANDOR_CLIENT_LISTEN: `127.0.0.1:${clientPort}`,
      CANDOR_FEDERATION_LISTEN: `127.0.0.1:${federationPort}`,
      CANDOR_TLS_CERT: file('cert.pem'),
      CANDOR_TLS_KEY: file('key.pem'),
      CANDOR_FEDERATION_CA: file('authority.pem'),
      CANDOR_FEDERATION_ALLOW_PRIVATE: 'true',
      CANDOR_REGISTRATION: 'open',
      CANDOR_RATE_LIMITS: 'off',
      ...options.env,
    },
  });
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return { authority, config: result.config, databaseUrl: database.url };
};

/** A real server on loopback ports with a fresh database, stopped at the end of the test. */
export const startTestServer = async (
  t: Teardown,
  options: TestServerOptions = {},
): Promise<TestServer> => {
  const { authority, config, databaseUrl } = await prepare(t, options);
  const logLines: string[] = [];
  const write = (line: string) => {
    logLines.push(line);
    if (/"level":"(?:error|fatal)"/.test(line)) process.stderr.write(line);
  };
  const log = createLog({ level: config.log.level, destination: { write } });
  const start = () => startServer(config, log, { checkAnswers: true });
  let running: RunningServer | undefined = await start();
  const { urls, firstAdminToken } = running;
  const stop = async () => {
    await running?.stop();
    running = undefined;
  };
  t.teardown(stop);
  const context = (): Context => {
    if (!running) throw new Error('the server is stopped');
    return running.context;
  };

  return {
    url: urls.client,
    serverName: config.serverName,
    dataDir: config.dataDir,
    databaseUrl,
    authority,
    get context() {
      return context();
    },
    firstAdminToken,
    logLines,
    register: async (name, { password, isAdmin = false } = {}) => {
      const userId = await createAccount(context(), { localpart: name, password, isAdmin });
      const { accessToken, deviceId } = await createSession(context(), { userId });
      return { userId, accessToken, deviceId };
    },
    request: async (method, path, { token, body, headers } = {}) => {
      const response = await fetch(`${urls.client}${path}`, {
        method,
        headers: { ...(token && { Authorization: `Bearer ${token}` }), ...headers },
        body: toBody(body) ?? null,
        redirect: 'manual',
      });
      return toAnswer(response);
    },
    stop,
    restart: async () => {
      await stop();
      running = await start();
    },
  };
};
