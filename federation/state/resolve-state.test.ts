import t from 'tap';
import { levelsOf, opened, opening } from '../testing/open-room.ts';
import { outcome } from '../testing/outcome.ts';
import { people, tellStory } from '../testing/tell-story.ts';
import { resolveState } from './resolve-state.ts';

const { alice, bob, charlie } = people;
const join = { membership: 'join' };

for (const version of ['10', '11', '12']) {
  t.test(
    `a ban wins over a promotion the banned user made elsewhere, version ${version}`,
    async (t) => {
      const told = tellStory(version, [
        ...opening(version, { [bob]: 50 }),
        [
          'bob promotes charlie',
          bob,
          'm.room.power_levels',
          '',
          levelsOf(version, { [bob]: 50, [charlie]: 50 }),
          ['create', 'levels', 'bob'],
        ],
        [
          'bob banned',
          alice,
          'm.room.member',
          bob,
          { membership: 'ban' },
          ['create', 'levels', 'alice', 'bob'],
        ],
      ]);
      const state = outcome(told, [
        told.stateOf(...opened, 'bob promotes charlie'),
        told.stateOf(...opened, 'bob banned'),
      ]);
      t.equal(state[`m.room.member ${bob}`], 'bob banned');
      t.equal(state['m.room.power_levels'], 'levels');
    },
  );

  t.test(`a topic set against a demotion is undone, version ${version}`, async (t) => {
    const told = tellStory(version, [
      ...opening(version, { [bob]: 50 }),
      ['topic', alice, 'm.room.topic', '', { topic: 'tea' }, ['create', 'levels', 'alice']],
      [
        'bob demoted',
        alice,
        'm.room.power_levels',
        '',
        levelsOf(version, {}),
        ['create', 'levels', 'alice'],
      ],
      ['bob topic', bob, 'm.room.topic', '', { topic: 'mine' }, ['create', 'levels', 'bob']],
    ]);
    const state = outcome(told, [
      told.stateOf(...opened, 'topic', 'bob demoted'),
      told.stateOf(...opened, 'topic', 'bob topic'),
    ]);
    t.equal(state['m.room.power_levels'], 'bob demoted');
    t.equal(state['m.room.topic'], 'topic');
  });

  t.test(`closing a room beats a join that passes by it, version ${version}`, async (t) => {
    const mallory = '@mallory:m.example';
    const told = tellStory(version, [
      ...opening(version, {}),
      [
        'closed',
        alice,
        'm.room.join_rules',
        '',
        { join_rule: 'invite' },
        ['create', 'alice', 'levels'],
      ],
      ['mallory', mallory, 'm.room.member', mallory, join, ['create', 'levels', 'public']],
    ]);
    const state = outcome(told, [
      told.stateOf(...opened, 'closed'),
      told.stateOf(...opened, 'mallory'),
    ]);
    t.equal(state['m.room.join_rules'], 'closed');
    t.equal(state[`m.room.member ${mallory}`], undefined);
  });

  t.test(
    `of two topics under the same levels the later one stays, version ${version}`,
    async (t) => {
      const told = tellStory(version, [
        ...opening(version, { [bob]: 50 }),
        [
          'early',
          alice,
          'm.room.topic',
          '',
          { topic: '1' },
          ['create', 'levels', 'alice'],
          { ts: 10 },
        ],
        ['late', bob, 'm.room.topic', '', { topic: '2' }, ['create', 'levels', 'bob'], { ts: 20 }],
      ]);
      const sets = [told.stateOf(...opened, 'late'), told.stateOf(...opened, 'early')];
      t.equal(outcome(told, sets)['m.room.topic'], 'late');
    },
  );

  t.test(`the id decides between join rules of the same moment, version ${version}`, async (t) => {
    const cites = ['create', 'levels', 'alice'];
    const told = tellStory(version, [
      ...opening(version, {}),
      ['rules b', alice, 'm.room.join_rules', '', { join_rule: 'knock' }, cites, { ts: 10 }],
      ['rules a', alice, 'm.room.join_rules', '', { join_rule: 'invite' }, cites, { ts: 10 }],
    ]);
    const sets = [told.stateOf(...opened, 'rules a'), told.stateOf(...opened, 'rules b')];
    t.equal(outcome(told, sets)['m.room.join_rules'], 'rules b');
    t.equal(outcome(told, sets.reverse())['m.room.join_rules'], 'rules b');
  });

  t.test(`newer power levels count more than the clock, version ${version}`, async (t) => {
    const users = levelsOf(version, { [bob]: 50 });
    const told = tellStory(version, [
      ...opening(version, { [bob]: 50 }),
      ['newer levels', alice, 'm.room.power_levels', '', users, ['create', 'levels', 'alice']],
      ['old', bob, 'm.room.topic', '', {}, ['create', 'levels', 'bob'], { ts: 99_999 }],
      ['new', bob, 'm.room.topic', '', {}, ['create', 'newer levels', 'bob'], { ts: 1 }],
    ]);
    const sets = [told.stateOf(...opened, 'old'), told.stateOf(...opened, 'newer levels', 'new')];
    t.equal(outcome(told, sets)['m.room.topic'], 'new');
  });

  t.test(`who leaves undoes nothing they did before, version ${version}`, async (t) => {
    const left = { membership: 'leave' };
    const told = tellStory(version, [
      ...opening(version, { [bob]: 50 }),
      ['topic', bob, 'm.room.topic', '', {}, ['create', 'levels', 'bob']],
      ['bob left', bob, 'm.room.member', bob, left, ['create', 'levels', 'bob']],
    ]);
    const sets = [told.stateOf(...opened, 'topic'), told.stateOf(...opened, 'bob left')];
    t.match(outcome(told, sets), { 'm.room.topic': 'topic', [`m.room.member ${bob}`]: 'bob left' });
  });

  t.test(`what was rejected stays out, and authorises nothing, version ${version}`, async (t) => {
    const told = tellStory(version, [
      ...opening(version, { [bob]: 50 }),
      [
        'rejected',
        bob,
        'm.room.topic',
        '',
        { topic: 'no' },
        ['create', 'levels', 'bob'],
        { ts: 20 },
      ],
      [
        'accepted',
        alice,
        'm.room.topic',
        '',
        { topic: 'yes' },
        ['create', 'levels', 'alice'],
        { ts: 10 },
      ],
      [
        'promoted',
        alice,
        'm.room.power_levels',
        '',
        levelsOf(version, { [bob]: 50, [charlie]: 50 }),
        ['create', 'levels', 'alice'],
      ],
      ['leaning', charlie, 'm.room.name', '', { name: 'x' }, ['create', 'promoted', 'charlie']],
    ]);
    const sets = [
      told.stateOf(...opened, 'rejected', 'leaning'),
      told.stateOf(...opened, 'accepted'),
    ];
    t.match(outcome(told, sets), { 'm.room.topic': 'rejected', 'm.room.name': 'leaning' });
    const rejected = new Set(['$rejected', '$promoted']);
    const state = outcome(told, sets, { isRejected: (eventId) => rejected.has(eventId) });
    t.equal(state['m.room.topic'], 'accepted');
    t.equal(state['m.room.name'], undefined);
    t.equal(state['m.room.power_levels'], 'levels');
  });
}

// https://github.com/matrix-org/matrix-spec-proposals/blob/main/proposals/4297-state-resolution-v2_1.md
t.test('problem A: an outdated join rule beside a member who has left', async (t) => {
  for (const [version, expected] of [
    ['10', undefined],
    ['11', undefined],
    ['12', 'second'],
  ] as const) {
    const told = tellStory(version, [
      ...opening(version, { [bob]: 50 }).slice(0, 3),
      [
        'first',
        alice,
        'm.room.join_rules',
        '',
        { join_rule: 'public' },
        ['create', 'alice', 'levels'],
      ],
      [
        'second',
        alice,
        'm.room.join_rules',
        '',
        { join_rule: 'public' },
        ['create', 'alice', 'levels'],
      ],
      [
        'alice left',
        alice,
        'm.room.member',
        alice,
        { membership: 'leave' },
        ['create', 'alice', 'levels'],
      ],
      ['bob', bob, 'm.room.member', bob, join, ['create', 'levels', 'second']],
      ['charlie', charlie, 'm.room.member', charlie, join, ['create', 'levels', 'second']],
    ]);
    const common = ['create', 'alice left', 'levels', 'bob'];
    const sets = [told.stateOf(...common, 'second'), told.stateOf(...common, 'first', 'charlie')];
    t.equal(outcome(told, sets)['m.room.join_rules'], expected, `version ${version}`);
  }
});

t.test('problem B: outdated power levels beside events that cite newer ones', async (t) => {
  for (const [version, expected] of [
    ['10', 'levels'],
    ['11', 'levels'],
    ['12', 'third'],
  ] as const) {
    const told = tellStory(version, [
      ...opening(version, {}),
      [
        'second',
        alice,
        'm.room.power_levels',
        '',
        levelsOf(version, { [bob]: 50 }),
        ['create', 'levels', 'alice'],
      ],
      [
        'third',
        bob,
        'm.room.power_levels',
        '',
        levelsOf(version, { [bob]: 50, [charlie]: 50 }),
        ['create', 'second', 'bob'],
      ],
      [
        'eve',
        '@eve:a.example',
        'm.room.member',
        '@eve:a.example',
        join,
        ['create', 'third', 'public'],
      ],
      [
        'zara',
        '@zara:a.example',
        'm.room.member',
        '@zara:a.example',
        join,
        ['create', 'third', 'public'],
      ],
    ]);
    const sets = [
      told.stateOf(...opened, 'third', 'eve'),
      told.stateOf(...opened, 'levels', 'zara'),
    ];
    t.equal(outcome(told, sets)['m.room.power_levels'], expected, `version ${version}`);
  }
});

t.test('one set resolves to itself, and equal sets to what they say', async (t) => {
  const told = tellStory('12', opening('12', {}));
  const state = told.stateOf(...opened);
  t.same(resolveState([], told.events, told.rules).size, 0);
  t.strictSame(resolveState([state], told.events, told.rules), state);
  t.strictSame(resolveState([state, new Map(state)], told.events, told.rules), state);
});

t.test('nothing is resolved without the events it takes', async (t) => {
  for (const version of ['10', '11', '12']) {
    const told = tellStory(version, [
      ...opening(version, {}),
      ['topic', alice, 'm.room.topic', '', {}, ['create', 'levels', 'alice']],
    ]);
    const sets = [told.stateOf(...opened), told.stateOf(...opened, 'topic')];
    // Version 12 starts from nothing, so that it asks for the create event only.
    for (const label of version === '12' ? ['topic', 'create'] : ['topic', 'create', 'levels']) {
      const events = new Map(told.events);
      events.delete(`$${label}`);
      const message = new RegExp(`needs the event \\$${label}$`);
      t.throws(() => resolveState(sets, events, told.rules), message, `${label} in ${version}`);
    }
  }
});
