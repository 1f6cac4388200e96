import { createHmac } from 'node:crypto';
import { sendRequest } from './send-request.ts';

export type Account = {
  /** Base URL of the account's homeserver. */
  readonly url: string;
  readonly userId: string;
  readonly password: string;
  readonly accessToken: string;
  readonly deviceId: string;
};

const path = '/_synapse/admin/v1/register';

/** Makes an account by the shared-secret API of Synapse, which Candor has too. Rejects when it is refused. */
// https://element-hq.github.io/synapse/latest/admin_api/register_api.html
export const registerAccount = async (
  url: string,
  secret: string,
  { name, password, admin = false }: { name: string; password: string; admin?: boolean },
): Promise<Account> => {
  const { nonce } = (await sendRequest(url + path)).json as { nonce: string };
  const mac = createHmac('sha1', secret)
    .update([nonce, name, password, admin ? 'admin' : 'notadmin'].join('\0'))
    .digest('hex');
  const body = { nonce, username: name, password, admin, mac };
  const answer = await sendRequest(url + path, { method: 'POST', body });
  if (answer.status !== 200)
    throw new Error(`registering ${name} at ${url}: ${answer.status} ${answer.bytes}`);
  const made = answer.json as { user_id: string; access_token: string; device_id: string };
  return {
    url,
    userId: made.user_id,
    password,
    accessToken: made.access_token,
    deviceId: made.device_id,
  };
};
