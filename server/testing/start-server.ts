import type { CertificateAuthority } from '@candor/federation/testing';
import { createAccount } from '../accounts/create-account.ts';
import { createSession } from '../accounts/create-session.ts';
import { readConfig } from '../config/read-config.ts';
import type { Context } from '../context.ts';
import { createLog } from '../log.ts';
import { type RunningServer, startServer } from '../server.ts';
import { prepareServer, type TestServerOptions } from './prepare-server.ts';
import type { Teardown } from './test-database.ts';
import { requestsTo, type SendRequest } from './test-request.ts';

export type TestUser = {
  readonly userId: string;
  readonly accessToken: string;
  readonly deviceId: string;
};

export type TestServer = {
  /** Of the client listener, plain HTTP on loopback. */
  readonly url: string;
  /** Of the listener for other servers, as it is shown to the operator. */
  readonly federationUrl: string;
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
  readonly request: SendRequest;
  /** What SIGHUP does: looks for a new certificate. */
  reload(): void;
  /** Also done at the end of the test. */
  stop(): Promise<void>;
  /** Stops and starts again on the same data, database and ports. */
  restart(): Promise<void>;
};

/** A real server on loopback ports with a fresh database, stopped at the end of the test. */
export const startTestServer = async (
  t: Teardown,
  options: TestServerOptions = {},
): Promise<TestServer> => {
  const { authority, databaseUrl, env } = await prepareServer(t, options);
  const settings = readConfig({ env });
  if (!settings.ok) throw new Error(settings.faults.join('\n'));
  const { config } = settings;
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
    federationUrl: urls.federation,
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
    request: requestsTo(urls.client),
    reload: () => running?.reload(),
    stop,
    restart: async () => {
      await stop();
      running = await start();
    },
  };
};
