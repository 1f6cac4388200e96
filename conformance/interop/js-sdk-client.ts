import {
  ClientEvent,
  createClient,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  RoomEvent,
  SyncState,
} from 'matrix-js-sdk';
import { waitUntil } from './wait-until.ts';

/** An account of any homeserver, as matrix-js-sdk sees it. */
export type SdkAccount = {
  readonly url: string;
  readonly userId: string;
  readonly accessToken: string;
  readonly deviceId: string;
};

/** A syncing matrix-js-sdk client with its Rust crypto (WASM), and what it has read. */
export type SdkClient = {
  readonly client: MatrixClient;
  /** Text bodies of `m.room.message` events in the order in which they could be read. */
  readonly read: readonly string[];
  stop(): void;
};

/** Says nothing: the tests speak for themselves. */
export const silent = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  getChild: () => silent,
};

/** Starts a client and resolves when its first sync is done; `recoveryKey` opens the account's secret storage. */
export const startSdkClient = async (
  account: SdkAccount,
  recoveryKey?: Uint8Array<ArrayBuffer>,
): Promise<SdkClient> => {
  const client = createClient({
    baseUrl: account.url,
    accessToken: account.accessToken,
    userId: account.userId,
    deviceId: account.deviceId,
    timelineSupport: true,
    logger: silent,
    ...(recoveryKey && {
      cryptoCallbacks: {
        getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0] ?? '', recoveryKey],
      },
    }),
  });
  const read: string[] = [];
  const note = (event: MatrixEvent) => {
    const body: unknown = event.getContent()['body'];
    if (event.getType() !== 'm.room.message' || event.isDecryptionFailure()) return;
    if (typeof body === 'string' && !event.isRedacted()) read.push(body);
  };
  client.on(RoomEvent.Timeline, (event, _room, toStart) => {
    if (!toStart && !event.isSending() && !event.isEncrypted()) note(event);
  });
  client.on(MatrixEventEvent.Decrypted, note);
  await client.initRustCrypto({ useIndexedDB: false });
  let isPrepared = false;
  client.on(ClientEvent.Sync, (state) => {
    if (state === SyncState.Prepared) isPrepared = true;
  });
  await client.startClient({ initialSyncLimit: 30 });
  await waitUntil('the first sync of matrix-js-sdk', () => isPrepared);
  return { client, read, stop: () => client.stopClient() };
};
