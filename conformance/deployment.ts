import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateAuthority, freePort, makeAuthority } from '@candor/federation/testing';
import { createHomeserver, type Homeserver, type SystemAccount } from './homeserver.ts';
import {
  type CapturedExchange,
  type CaptureProxy,
  startCaptureProxy,
} from './peer/capture-proxy.ts';

/** Homeservers on loopback that trust one certificate authority of their own. */
export type Deployment = {
  readonly servers: readonly [Homeserver, ...Homeserver[]];
  /** The second server of a pair. */
  readonly other: Homeserver;
  readonly authority: CertificateAuthority;
  /** Everything that crossed between the servers so far; empty unless asked for. */
  readonly captured: readonly CapturedExchange[];
  /** Scratch space that goes away with the deployment. */
  readonly folder: string;
  /** Stops the servers and removes their data. */
  stop(): Promise<void>;
};

export type DeploymentOptions = {
  readonly size?: number;
  /** Keep a copy of what the servers say to each other. */
  readonly capture?: boolean;
  /** Settings over those of a deployment, `{ CANDOR_RATE_LIMITS: 'on' }`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** Whom the servers run as; only root can choose. */
  readonly account?: SystemAccount;
};

type Place = {
  readonly folder: string;
  readonly authority: CertificateAuthority;
  readonly options: DeploymentOptions;
  readonly record: (exchange: CapturedExchange) => void;
};

const prepare = async (index: number, place: Place) => {
  const { authority, options, record } = place;
  const folder = join(place.folder, `server-${index + 1}`);
  await mkdir(folder);
  const [clientPort, port] = [await freePort(), await freePort()];
  const targetPort = options.capture ? await freePort() : port;
  const serverName = `localhost:${port}`;
  const tls = authority.issue(['localhost', '127.0.0.1']);
  const file = (name: string) => join(folder, name);
  await writeFile(file('certificate.pem'), tls.cert);
  await writeFile(file('key.pem'), tls.key, { mode: 0o600 });
  await writeFile(file('authority.pem'), authority.cert);
  if (options.account) {
    const { uid, gid } = options.account;
    for (const path of [folder, file('key.pem')]) await chown(path, uid, gid);
  }
  const proxy = options.capture
    ? await startCaptureProxy({ serverName, port, targetPort, tls, ca: authority.cert, record })
    : undefined;
  const homeserver = createHomeserver({
    logFile: file('server.log'),
    nodeArgs: options.nodeArgs ?? [],
    account: options.account,
    env: {
      CANDOR_SERVER_NAME: serverName,
      CANDOR_DATA_DIR: file('data'),
      CANDOR_CLIENT_LISTEN: `127.0.0.1:${clientPort}`,
      CANDOR_FEDERATION_LISTEN: `127.0.0.1:${targetPort}`,
      CANDOR_TLS_CERT: file('certificate.pem'),
      CANDOR_TLS_KEY: file('key.pem'),
      CANDOR_FEDERATION_CA: file('authority.pem'),
      CANDOR_FEDERATION_ALLOW_PRIVATE: 'true',
      CANDOR_REGISTRATION_SHARED_SECRET: randomBytes(24).toString('base64url'),
      CANDOR_RATE_LIMITS: 'off',
      ...options.env,
    },
  });
  return { homeserver, proxy };
};

/** Starts `size` homeservers (two unless said otherwise) in child processes, each with its own embedded PostgreSQL. */
export const startDeployment = async (options: DeploymentOptions = {}): Promise<Deployment> => {
  const folder = await mkdtemp(join(tmpdir(), 'candor-deployment-'));
  // As root the PostgreSQL runs under another user, who has to pass through here.
  await chmod(folder, 0o755);
  const captured: CapturedExchange[] = [];
  const authority = makeAuthority('Candor deployment authority');
  const place = {
    folder,
    authority,
    options,
    record: (one: CapturedExchange) => captured.push(one),
  };
  const servers: Homeserver[] = [];
  const proxies: CaptureProxy[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let index = 0; index < (options.size ?? 2); index += 1) {
      const { homeserver, proxy } = await prepare(index, place);
      servers.push(homeserver);
      if (proxy) proxies.push(proxy);
    }
    await Promise.all(servers.map((server) => server.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  const [first, second] = servers;
  if (!first) throw new Error('a deployment has at least one server');
  return {
    servers: [first, ...servers.slice(1)],
    get other() {
      if (!second) throw new Error('this deployment has one server');
      return second;
    },
    authority,
    captured,
    folder,
    stop,
  };
};
