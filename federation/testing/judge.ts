import { checkAuth } from '../auth/check-auth.ts';
import type { JsonObject } from '../events/room-event.ts';
import { opened, opening } from './open-room.ts';
import { type StoryRow, tellStory } from './tell-story.ts';

/** State or an event under test: sender, type, state key, content, the labels of the previous events. */
export type Sent = readonly [
  sender: string,
  type: string,
  stateKey: string | undefined,
  content: JsonObject,
  prev?: readonly string[],
];

export type Case = {
  readonly name: string;
  /** State beside or instead of the open room's. */
  readonly given?: readonly Sent[];
  readonly sent: Sent;
  /** The refusing rule in the list of versions 10 and 11, and in that of version 12; absent when allowed. */
  readonly rule?: readonly [upTo11: string, from12: string];
  readonly versions?: readonly string[];
  /** Levels of users other than Alice, instead of Bob's 50. */
  readonly levels?: Record<string, number>;
  /** The labels of the open room's state that are there. */
  readonly opened?: readonly string[];
};

/** The rule that refuses the case's event in that version's list; undefined when it is allowed. */
export const judge = (version: string, { given = [], sent, levels, ...rest }: Case) => {
  const row = ([sender, type, stateKey, content, prev]: Sent, label: string): StoryRow => {
    const more = prev === undefined ? {} : { prev };
    return [label, sender, type, stateKey, content, [], more];
  };
  const labels = given.map((_, index) => `given ${index}`);
  const told = tellStory(version, [
    ...opening(version, levels ?? { '@bob:b.example': 50 }),
    ...given.map((one, index) => row(one, `given ${index}`)),
    row(sent, 'sent'),
  ]);
  const state = told.authStateOf(...(rest.opened ?? opened), ...labels);
  const verdict = checkAuth(told.event('sent'), state, told.rules);
  return verdict.allowed ? undefined : verdict.rule;
};
