import { Candor, type StoreOptions } from '@candor/client-sdk';
import { waitUntil } from '../../interop/wait-until.ts';
import { type Listener, listenTo } from '../../listener.ts';
import type { Account } from '../../register-account.ts';

/** A user of the SDK in a check. */
export type Person = Listener & {
  readonly client: Candor;
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
  const listener = listenTo(client);
  return { ...listener, client, texts: () => listener.messages.map(({ body }) => body) };
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
