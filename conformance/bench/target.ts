import { type Deployment, startDeployment } from '../deployment.ts';
import { type Account, registerAccount } from '../register-account.ts';
import { sendRequest } from '../send-request.ts';

export type TargetOptions = {
  /** Base URL of the homeserver to measure; a deployment of our own when absent. */
  readonly url: string | undefined;
  /** Base URL of a second one that federates with it. */
  readonly peerUrl: string | undefined;
  /** Shared secret of Synapse's registration API; open registration when absent. */
  readonly secret: string | undefined;
  readonly nodeArgs: readonly string[];
};

/** What is measured: one homeserver, and perhaps another one that federates with it. */
export type Target = {
  readonly url: string;
  readonly peerUrl: string | undefined;
  /** Name and version, as it says itself. */
  readonly server: string;
  readonly database: string;
  /** The deployment when it is ours, with process ids to look at. */
  readonly own: Deployment | undefined;
  register(url: string, name: string): Promise<Account>;
  stop(): Promise<void>;
};

const describe = async (url: string, ca?: string): Promise<string> => {
  const answer = await sendRequest(`${url}/_matrix/federation/v1/version`, {
    ...(ca !== undefined && { ca }),
  }).catch(() => undefined);
  const { server } = (answer?.json ?? {}) as { server?: { name?: string; version?: string } };
  return server?.name ? `${server.name} ${server.version ?? ''}`.trim() : url;
};

const password = 'benchmark password';

// https://spec.matrix.org/v1.19/client-server-api/#dummy-auth
const registerOpenly = async (url: string, name: string): Promise<Account> => {
  const answer = await sendRequest(`${url}/_matrix/client/v3/register`, {
    method: 'POST',
    body: { username: name, password, auth: { type: 'm.login.dummy' } },
  });
  if (answer.status !== 200)
    throw new Error(
      `${url} does not let anyone register (${answer.bytes}): name its shared secret with --registration-secret`,
    );
  const made = answer.json as { user_id: string; access_token: string; device_id: string };
  return {
    url,
    userId: made.user_id,
    password,
    accessToken: made.access_token,
    deviceId: made.device_id,
  };
};

const ownTarget = async (nodeArgs: readonly string[]): Promise<Target> => {
  const own = await startDeployment({ nodeArgs });
  const [first] = own.servers;
  return {
    url: first.url,
    peerUrl: own.other.url,
    server: await describe(first.secureUrl, own.authority.cert),
    database: 'embedded PostgreSQL',
    own,
    register: (url, name) => {
      const homeserver = own.servers.find((one) => one.url === url) ?? first;
      return homeserver.register(name, { password });
    },
    stop: own.stop,
  };
};

/** The homeserver at a URL, or a pair of our own that `stop` removes again. */
export const openTarget = async (options: TargetOptions): Promise<Target> => {
  const { url, peerUrl, secret, nodeArgs } = options;
  if (url === undefined) return ownTarget(nodeArgs);
  return {
    url,
    peerUrl,
    server: await describe(url),
    database: 'not known',
    own: undefined,
    register: (at, name) =>
      secret === undefined
        ? registerOpenly(at, name)
        : registerAccount(at, secret, { name, password }),
    stop: async () => undefined,
  };
};
