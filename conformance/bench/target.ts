import { type Deployment, startDeployment } from '../deployment.ts';
import { type Account, registerAccount, registerOpenly } from '../register-account.ts';
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

/** With what `npm start` and the container image start Node. */
const operatorArgs = ['--max-semi-space-size=16'];

const password = 'benchmark password';

const ownTarget = async (nodeArgs: readonly string[]): Promise<Target> => {
  const own = await startDeployment({ nodeArgs: [...operatorArgs, ...nodeArgs] });
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
        ? registerOpenly(at, { name, password })
        : registerAccount(at, secret, { name, password }),
    stop: async () => undefined,
  };
};
