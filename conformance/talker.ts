import { once } from 'node:events';
import { join } from 'node:path';
import { Candor, type Message, type Room } from '@candor/client-sdk';
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
  /** Everything that went wrong in the client, for a failure's text. */
  readonly problems: readonly unknown[];
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

const waitMsMax = 20_000;

/** What a wait that was too long is explained with. */
const tooLate = (what: string, { client, problems }: Talker): Error => {
  const seen = client
    .rooms()
    .flatMap((room) => room.timeline())
    .filter(({ state }) => state !== 'readable')
    .map(({ sender, state, reason }) => `${state} message of ${sender} (${reason})`);
  const notes = [...seen, ...problems.map(String)].join('; ');
  return new Error(`${what} within ${waitMsMax / 1000} s${notes && `: ${notes}`}`);
};

/** Looks again after each event of the client until there is something to see. */
const untilSeen = async <T>(
  talker: Talker,
  what: string,
  look: () => T | undefined,
): Promise<T> => {
  const deadline = AbortSignal.timeout(waitMsMax);
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    const stopWaiting = new AbortController();
    const signal = AbortSignal.any([deadline, stopWaiting.signal]);
    const events = ['message', 'unreadable', 'room', 'warning', 'state'] as const;
    await Promise.race(events.map((event) => once(talker.client, event, { signal }))).catch(() => {
      throw tooLate(what, talker);
    });
    stopWaiting.abort();
  }
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
  const read: Message[] = [];
  const unreadable: Message[] = [];
  const problems: unknown[] = [];

  const listen = (client: Candor): Candor => {
    client.on('message', (message) => read.push(message));
    client.on('unreadable', (message) => unreadable.push(message));
    client.on('problem', (problem) => problems.push(problem));
    client.on('invite', (roomId) => {
      client
        .room(roomId)
        .join()
        .catch((error: unknown) => problems.push(error));
    });
    return client;
  };
  let client = listen(
    await Candor.login({ homeserver: url, user: userId, password, store, resetIdentity }),
  );
  await client.start();
  let isRunning = true;

  const until = <T>(what: string, look: () => T | undefined): Promise<T> =>
    untilSeen(talker, what, look);

  const talker: Talker = {
    name,
    userId,
    account,
    store,
    get client() {
      return client;
    },
    read,
    unreadable,
    problems,
    reads: (text) =>
      until(`${name} did not read '${text}'`, () => read.find(({ body }) => body === text)),
    cannotRead: (eventId) =>
      until(`${name} was shown nothing of ${eventId} that cannot be read`, () =>
        unreadable.find((message) => message.eventId === eventId),
      ),
    enters: (roomId) =>
      until(`${name} did not enter ${roomId}`, () => {
        const room = client.room(roomId);
        return client.rooms().some(({ id }) => id === roomId) && room.membership === 'join'
          ? room
          : undefined;
      }),
    sees: (roomId, of, membership) =>
      until(`${name} did not see ${of} in '${membership}'`, () => {
        const seen = client.room(roomId).members().get(of);
        return seen === membership ? seen : undefined;
      }),
    isWarned: () => until(`${name} was not warned`, () => client.warnings().at(0)),
    start: async () => {
      client = listen(Candor.open(store));
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
