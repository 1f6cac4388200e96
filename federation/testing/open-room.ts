import { people, type StoryRow } from './tell-story.ts';

const { alice, bob, charlie } = people;

/** Power levels that name Alice where a room's creator may be named. */
export const levelsOf = (version: string, more: Record<string, number>) => ({
  users: version === '12' ? more : { [alice]: 100, ...more },
});

/** Alice's room; she is its creator, so that in version 12 no power levels name her. */
export const opening = (version: string, more: Record<string, number>): StoryRow[] => [
  ['create', alice, 'm.room.create', '', { creator: alice, room_version: version }],
  [
    'alice',
    alice,
    'm.room.member',
    alice,
    { membership: 'join' },
    ['create'],
    { prev: ['create'] },
  ],
  ['levels', alice, 'm.room.power_levels', '', levelsOf(version, more), ['create', 'alice']],
  [
    'public',
    alice,
    'm.room.join_rules',
    '',
    { join_rule: 'public' },
    ['create', 'alice', 'levels'],
  ],
  ['bob', bob, 'm.room.member', bob, { membership: 'join' }, ['create', 'levels', 'public']],
  [
    'charlie',
    charlie,
    'm.room.member',
    charlie,
    { membership: 'join' },
    ['create', 'levels', 'public'],
  ],
];
/** The labels of the opening, which are its state. */
export const opened = ['create', 'alice', 'levels', 'public', 'bob', 'charlie'];
