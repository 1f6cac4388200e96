import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { type Case, judge, type Sent } from '../testing/judge.ts';
import { people } from '../testing/tell-story.ts';

const { alice, bob, charlie } = people;

/** Power levels by Bob, who has 50 and may send them; beside his users stands nobody but those named. */
const byBob = (content: JsonObject, users: JsonObject = { [bob]: 50 }): Sent => [
  bob,
  'm.room.power_levels',
  '',
  { users, ...content },
];

const sole = [
  'users_default',
  'events_default',
  'state_default',
  'ban',
  'redact',
  'kick',
  'invite',
];

/** Changes from what stands to what Bob sends. */
const change = (name: string, before: Sent, sent: Sent, rule?: Case['rule']): Case => ({
  name,
  given: [[alice, ...before.slice(1)] as unknown as Sent],
  sent,
  ...(rule && { rule }),
});

const shapes: Case[] = [
  ...sole.flatMap((name): Case[] =>
    ['50', null, {}].map((value) => ({
      name: `${name} is an integer, not ${JSON.stringify(value)}`,
      sent: byBob({ [name]: value }),
      rule: ['9.1', '10.1'],
    })),
  ),
  ...['events', 'notifications'].flatMap((name): Case[] =>
    [[], 1, { a: '1' }].map((value) => ({
      name: `${name} holds integers, not ${JSON.stringify(value)}`,
      sent: byBob({ [name]: value }),
      rule: ['9.2', '10.2'],
    })),
  ),
  { name: 'users holds integers', sent: byBob({}, { [bob]: '50' }), rule: ['9.3', '10.3'] },
  { name: 'users holds user ids', sent: byBob({}, { [bob]: 50, bob: 1 }), rule: ['9.3', '10.3'] },
  {
    name: 'a creator of version 12 is not among the users',
    versions: ['12'],
    sent: byBob({}, { [bob]: 50, [alice]: 50 }),
    rule: ['-', '10.4'],
  },
  {
    name: 'the first power levels may say anything',
    opened: ['create', 'alice'],
    sent: [alice, 'm.room.power_levels', '', { users: { [bob]: 1_000 }, ban: 1_000 }],
  },
];

const changes: Case[] = [
  change('nothing changes', byBob({ ban: 70 }), byBob({ ban: 70 })),
  ...sole.flatMap((name) => [
    change(
      `${name} is lowered from below`,
      byBob({ [name]: 50, state_default: 50 }),
      byBob({ state_default: 50, [name]: 1 }),
    ),
    change(`${name} is not raised beyond the sender`, byBob({}), byBob({ [name]: 51 }), [
      '9.5',
      '10.6',
    ]),
  ]),
  ...['ban', 'redact', 'kick', 'invite'].flatMap((name) => [
    change(`${name} above the sender is not lowered`, byBob({ [name]: 51 }), byBob({ [name]: 1 }), [
      '9.5',
      '10.6',
    ]),
    change(`${name} above the sender is not removed`, byBob({ [name]: 51 }), byBob({}), [
      '9.5',
      '10.6',
    ]),
  ]),
  ...['events', 'notifications'].flatMap((name) => [
    change(`an entry of ${name} is set`, byBob({}), byBob({ [name]: { x: 50 } })),
    change(
      `an entry of ${name} above the sender stays`,
      byBob({ [name]: { x: 51 } }),
      byBob({ [name]: { x: 1 } }),
      ['9.6', '10.7'],
    ),
    change(
      `an entry of ${name} above the sender is not removed`,
      byBob({ [name]: { x: 51 } }),
      byBob({}),
      ['9.6', '10.7'],
    ),
    change(
      `an entry of ${name} is not added above the sender`,
      byBob({}),
      byBob({ [name]: { x: 51 } }),
      ['9.7', '10.8'],
    ),
    change(
      `an entry of ${name} is not raised above the sender`,
      byBob({ [name]: { x: 1 } }),
      byBob({ [name]: { x: 51 } }),
      ['9.7', '10.8'],
    ),
  ]),
  change(
    'a user below is raised to the sender',
    byBob({}),
    byBob({}, { [bob]: 50, [charlie]: 50 }),
  ),
  change(
    'a user is not raised above the sender',
    byBob({}),
    byBob({}, { [bob]: 50, [charlie]: 51 }),
    ['9.9', '10.10'],
  ),
  change('the sender does not raise itself', byBob({}), byBob({}, { [bob]: 51 }), ['9.9', '10.10']),
  change('the sender steps down', byBob({}), byBob({}, { [bob]: 0 })),
  change(
    'an equal is not lowered',
    byBob({}, { [bob]: 50, [charlie]: 50 }),
    byBob({}, { [bob]: 50, [charlie]: 0 }),
    ['9.8', '10.9'],
  ),
  change('an equal is not removed', byBob({}, { [bob]: 50, [charlie]: 50 }), byBob({}), [
    '9.8',
    '10.9',
  ]),
  change('a user below is removed', byBob({}, { [bob]: 50, [charlie]: 49 }), byBob({})),
];

for (const version of ['10', '11', '12']) {
  for (const [group, cases] of Object.entries({ shapes, changes })) {
    t.test(`version ${version}: ${group} of power levels`, async (t) => {
      for (const one of cases.filter(({ versions }) => versions?.includes(version) ?? true)) {
        t.equal(judge(version, one), one.rule?.[version === '12' ? 1 : 0], one.name);
      }
    });
  }
}
