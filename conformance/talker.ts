import { join } from 'node:path';
import { Candor, type Message, type Room } from '@candor/client-sdk';
import { type Heard, listenTo } from './listener.ts';
import type { Account } from './register-account.ts';

/** Where a talker's device is kept, for those who look into it. */
export type DeviceStore = { readonly file: string; readonly passphrase: string };

/** Somebody with the SDK on one device, who accepts every invitation and remembers what was shown to them. */
export type Talker = {
  readonly name: string;
  readonly userId: string;
  /** The account, with a session of its own beside the device's. */
  readonly account: Account;
  readonly store: DeviceStore;
  /** Anew after each `start`. */
  readonly client: Candor;
  /** Every message that could be read, in the order of reading. */
  readonly read: readonly Message[];
  /** Every message that was shown as one that cannot be read. */
  readonly unreadable: readonly Message[];
  /** Resolves with the message of this text as soon as it was read, now or earlier. */
  reads(text: string): Promise<Message>;
  /** Resolves with an event that was shown as one that cannot be read. */
  cannotRead(eventId: string): Promise<Message>;
  /** Resolves with the room once the user has joined it. */
  enters(roomId: string): Promise<Room>;
  /** Resolves when the client knows that a user's membership of a room is this. */
  sees(roomId: string, userId: string, membership: string): Promise<string>;
  /** Resolves when there is a warning. */
  isWarned(): Promise<unknown>;
  /** Goes on from the store after a `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type SignInOptions = {
  /** What the person is called in texts, and the device's store in `folder`. */
  readonly name: string;
  readonly folder: string;
  /** Of an account whose other devices are all lost. */
  readonly resetIdentity?: boolean;
};

/** Signs in with a new device whose store is a file, and starts to sync. */
export const signInTalker = async (
  account: Account,
  { name, folder, resetIdentity = false }: SignInOptions,
): Promise<Talker> => {
  const { url, userId, password } = account;
  const store = { file: join(folder, `${name}.store`), passphrase: `passphrase of ${name}` };
  const heard: Heard = { messages: [], unreadable: [], problems: [] };
  const login = { homeserver: url, user: userId, password, store, resetIdentity };
  let client = await Candor.login(login);
  let listener = listenTo(client, name, heard);
  await client.start();
  let isRunning = true;

  const talker: Talker = {
    name,
    userId,
    account,
    store,
    get client() {
      return client;
    },
    read: heard.messages,
    unreadable: heard.unreadable,
    reads: (text) => listener.hears(text),
    cannotRead: (eventId) => listener.cannotRead(eventId),
    enters: (roomId) =>
      listener.until(`${name} did not enter ${roomId}`, () => {
        const room = client.room(roomId);
        return client.rooms().some(({ id }) => id === roomId) && room.membership === 'join'
          ? room
          : undefined;
      }),
    sees: (roomId, of, membership) =>
      listener.until(`${name} did not see ${of} in '${membership}'`, () => {
        const seen = client.room(roomId).members().get(of);
        return seen === membership ? seen : undefined;
      }),
    isWarned: () => listener.until(`${name} was not warned`, () => client.warnings().at(0)),
    start: async () => {
      client = Candor.open(store);
      listener = listenTo(client, name, heard);
      await client.start();
      isRunning = true;
    },
    stop: async () => {
      if (!isRunning) return;
      isRunning = false;
      await client.stop();
    },
  };
  return talker;
};
