import { randomBytes } from 'node:crypto';
import type { Subject } from './check.ts';
import { startDeployment } from './deployment.ts';
import { type Account, registerAccount, registerOpenly } from './register-account.ts';

const password = () => randomBytes(18).toString('base64url');

/** A name that no earlier run has used. */
const fresh = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;

/** A homeserver of somebody else. `secret` is that of Synapse's registration API; without it registration has to be open. */
export const remoteSubject = (url: string, secret: string | undefined): Subject => ({
  url,
  ca: undefined,
  own: undefined,
  register: (name): Promise<Account> => {
    const account = { name: fresh(name), password: password() };
    return secret === undefined
      ? registerOpenly(url, account)
      : registerAccount(url, secret, account);
  },
});

/** A pair of our own, whose traffic is captured; `stop` removes it again. */
export const ownSubject = async (): Promise<Subject & { stop(): Promise<void> }> => {
  const own = await startDeployment({ capture: true });
  const [first] = own.servers;
  return {
    url: first.url,
    ca: own.authority.cert,
    own,
    register: (name) => first.register(fresh(name), { password: password() }),
    stop: own.stop,
  };
};
