import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subject } from './check.ts';
import type { Account } from './register-account.ts';
import { signInTalker, type Talker } from './talker.ts';

/** The people of one check. */
export type Cast = {
  /** Where their stores are. */
  readonly folder: string;
  /** Another account: of the second server when there is one and the number is odd. */
  account(name: string, index: number): Promise<Account>;
  /** Signs somebody in who comes later. */
  enter(name: string, index: number): Promise<Talker>;
};

const accountOf = async ({ own, register }: Subject, name: string, index: number) => {
  if (!own || index % 2 === 0) return register(name);
  const ending = Math.random().toString(36).slice(2, 10);
  return own.other.register(`${name}-${ending}`);
};

/**
 * Signs in people with the SDK, the first on the homeserver that is looked at, every second one on the other server when
 * there is one, and signs them out and removes their stores when the check is done with them.
 */
export const withPeople = async <const Names extends readonly string[]>(
  subject: Subject,
  names: Names,
  work: (people: { readonly [K in keyof Names]: Talker }, cast: Cast) => Promise<void>,
): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'candor-people-'));
  const talkers: Talker[] = [];
  const account = (name: string, index: number) => accountOf(subject, name, index);
  const enter = async (name: string, index: number) => {
    const talker = await signInTalker(await account(name, index), { name, folder });
    talkers.push(talker);
    return talker;
  };
  try {
    const people: Talker[] = [];
    for (const [index, name] of names.entries()) people.push(await enter(name, index));
    await work(people as never, { folder, account, enter });
  } finally {
    for (const talker of talkers) await talker.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
