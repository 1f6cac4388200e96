import { clientServer } from '@candor/spec';
import { authenticate } from '../api/authenticate.ts';
import { HomeserverApi } from '../api/homeserver-api.ts';
import { CandorError } from '../candor-error.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { openSqlcipherStore } from '../stores/sqlcipher-store.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { homeserverUrl } from './homeserver-url.ts';

/** Where an account is kept: an encrypted file, or `'memory'` for one that is forgotten. */
export type StoreOptions =
  | { readonly file: string; readonly passphrase: string | Uint8Array }
  | 'memory';

export type LoginOptions = {
  /** Its URL, `https://matrix.example`, or its name, `example`. */
  readonly homeserver: string;
  /** A user name or a whole user id. */
  readonly user: string;
  readonly password: string;
  readonly store: StoreOptions;
  /** What the user's other devices show this one as. */
  readonly deviceName?: string;
};
export type RegisterOptions = LoginOptions & {
  /** For servers that ask for a registration token. */
  readonly registrationToken?: string;
};

type Account = Row<'account'>;
type Session = {
  readonly user_id: string;
  readonly device_id?: string | undefined;
  readonly access_token?: string | undefined;
  readonly refresh_token?: string | undefined;
};

export const openStore = (options: StoreOptions): Store =>
  options === 'memory' ? openMemoryStore() : openSqlcipherStore(options.file, options.passphrase);

const knownAccount = (store: Store): Account | undefined => store.all('account')[0];

const storeSession = (store: Store, homeserverUrl: string, session: Session): Account => {
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = session;
  if (typeof userId !== 'string' || !deviceId || !accessToken) {
    throw new CandorError('malformed-answer', 'the login gave no session');
  }
  const known = knownAccount(store);
  if (known && (known.userId !== userId || known.deviceId !== deviceId)) {
    throw new CandorError(
      'wrong-account',
      `the store belongs to ${known.userId} ${known.deviceId}`,
    );
  }
  const account: Account = {
    ...{ userId, deviceId, homeserverUrl, accessToken },
    refreshToken: session.refresh_token ?? null,
    syncToken: known?.syncToken ?? null,
  };
  store.transaction((tx) => tx.put('account', account));
  return account;
};

const sessionOptions = ({ deviceName, store }: LoginOptions, known: Account | undefined) => ({
  refresh_token: store !== 'memory',
  ...(deviceName !== undefined && { initial_device_display_name: deviceName }),
  // The keys in the store belong to this device id; a new session must go on with it.
  ...(known && { device_id: known.deviceId }),
});

/** Signs in and stores the session; a store that has an account keeps its device. */
export const logIn = async (options: LoginOptions, store: Store): Promise<Account> => {
  const baseUrl = await homeserverUrl(options.homeserver);
  const { user, password } = options;
  const session = await new HomeserverApi({ baseUrl }).call(clientServer.login, {
    body: {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user },
      password,
      ...sessionOptions(options, knownAccount(store)),
    },
  });
  try {
    return storeSession(store, baseUrl, session);
  } catch (error) {
    // Of somebody else than the store's owner: nobody would ever use or end it.
    const tokens = { accessToken: session.access_token ?? '', refreshToken: null };
    const api = new HomeserverApi({ baseUrl, tokens });
    await api.call(clientServer.logout, {}).catch(() => undefined);
    throw error;
  }
};

/** Makes an account and stores its first session. */
export const signUp = async (options: RegisterOptions, store: Store): Promise<Account> => {
  const known = knownAccount(store);
  if (known) throw new CandorError('wrong-account', `the store belongs to ${known.userId}`);
  const baseUrl = await homeserverUrl(options.homeserver);
  const { user, password, registrationToken } = options;
  const body = { username: user, password, ...sessionOptions(options, undefined) };
  const api = new HomeserverApi({ baseUrl });
  const session = await authenticate(
    (auth) => api.call(clientServer.register, { body: { ...body, ...(auth && { auth }) } }),
    { registrationToken },
  );
  return storeSession(store, baseUrl, session);
};
