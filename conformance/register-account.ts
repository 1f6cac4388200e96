import { createHmac } from 'node:crypto';
import { type ReceivedAnswer, sendRequest } from './send-request.ts';

export type Account = {
  /** Base URL of the account's homeserver. */
  readonly url: string;
  readonly userId: string;
  readonly password: string;
  readonly accessToken: string;
  readonly deviceId: string;
};

const path = '/_synapse/admin/v1/register';

const accountOf = (url: string, password: string, { json }: ReceivedAnswer): Account => {
  const made = json as { user_id: string; access_token: string; device_id: string };
  const { user_id: userId, access_token: accessToken, device_id: deviceId } = made;
  return { url, userId, password, accessToken, deviceId };
};

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
  return accountOf(url, password, answer);
};

/** Makes an account where anybody may. Rejects when that is refused. */
// https://spec.matrix.org/v1.19/client-server-api/#dummy-auth
export const registerOpenly = async (
  url: string,
  { name, password }: { name: string; password: string },
): Promise<Account> => {
  const answer = await sendRequest(`${url}/_matrix/client/v3/register`, {
    method: 'POST',
    body: { username: name, password, auth: { type: 'm.login.dummy' } },
  });
  if (answer.status !== 200)
    throw new Error(
      `${url} does not let anyone register (${answer.bytes}): name its shared secret with --registration-secret`,
    );
  return accountOf(url, password, answer);
};
