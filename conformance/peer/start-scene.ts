import { type DeploymentOptions, startDeployment } from '../deployment.ts';
import { startScriptedPeer } from './scripted-peer.ts';

type Teardown = { teardown(close: () => unknown): void };

/** One homeserver and a scripted peer that it believes to be another; both end with the test. */
export const startScene = async (t: Teardown, options: DeploymentOptions = {}) => {
  const deployment = await startDeployment({ size: 1, ...options });
  t.teardown(() => deployment.stop());
  const [homeserver] = deployment.servers;
  const { authority } = deployment;
  const peer = await startScriptedPeer(authority);
  t.teardown(() => peer.close());
  return { homeserver, peer, authority };
};
