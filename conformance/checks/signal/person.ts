import { Candor, type Message, type StoreOptions } from '@candor/client-sdk';
import { waitUntil } from '../../interop/wait-until.ts';
import type { Account } from '../../register-account.ts';

/** A user of the SDK in a check, who enters every room they are invited to and remembers what they are told. */
export type Person = {
  readonly client: Candor;
  readonly messages: Message[];
  readonly unreadable: Message[];
  readonly problems: unknown[];
  /** Resolves with the first message of this text. */
  hears(body: string): Promise<Message>;
  /** Texts told so far, in the order of telling. */
  texts(): string[];
};

/** Waits for a condition; says, when it is in vain, what went wrong for these people. */
export const waitFor = async <T>(
  what: string,
  people: readonly Person[],
  ask: () => T,
): Promise<NonNullable<T>> => {
  try {
    return await waitUntil(what, ask);
  } catch (error) {
    const causes = [error, ...people.flatMap(({ problems }) => problems)];
    throw new AggregateError(causes, causes.map(String).join('; '));
  }
};

/** Listens to a client that has not been started yet. */
export const personOf = (client: Candor): Person => {
  const [messages, unreadable]: [Message[], Message[]] = [[], []];
  const problems: unknown[] = [];
  client.on('message', (message) => messages.push(message));
  client.on('unreadable', (message) => unreadable.push(message));
  client.on('problem', (error) => problems.push(error));
  client.on('invite', (roomId) => {
    client
      .room(roomId)
      .join()
      .catch((error: unknown) => problems.push(error));
  });
  const person: Person = {
    client,
    messages,
    unreadable,
    problems,
    hears: (body) =>
      waitFor(`${client.userId} to hear ${body}`, [person], () =>
        messages.find((message) => message.body === body),
      ),
    texts: () => messages.map(({ body }) => body),
  };
  return person;
};

export type SignInOptions = {
  readonly store?: StoreOptions;
  /** Another address of the same homeserver, such as that of a proxy. */
  readonly url?: string;
};

/** Signs in with the SDK, which publishes the device's keys; it does not sync yet. */
export const signIn = async (account: Account, options: SignInOptions = {}): Promise<Person> =>
  personOf(
    await Candor.login({
      homeserver: options.url ?? account.url,
      user: account.userId,
      password: account.password,
      store: options.store ?? 'memory',
    }),
  );
