import fc from 'fast-check';
import t from 'tap';
import { levelsOf, opening } from '../testing/open-room.ts';
import { outcome } from '../testing/outcome.ts';
import { people, type Story, type StoryRow, tellStory } from '../testing/tell-story.ts';

const { alice, bob, charlie } = people;
const versions = ['10', '11', '12'];

type Act = {
  readonly sender: string;
  readonly act: 'topic' | 'ban' | 'leave' | 'join' | 'levels' | 'rules';
  readonly target: string;
  readonly level: number;
  readonly ts: number;
  readonly branch: number;
};

const drawn: fc.Arbitrary<Act[]> = fc.array(
  fc.record({
    sender: fc.constantFrom(alice, bob, charlie),
    act: fc.constantFrom('topic', 'ban', 'leave', 'join', 'levels', 'rules'),
    target: fc.constantFrom(alice, bob, charlie),
    level: fc.constantFrom(0, 50, 100),
    ts: fc.integer({ min: 1, max: 5 }),
    branch: fc.nat(2),
  }),
  { minLength: 2, maxLength: 25 },
);

const toRow = (version: string, { sender, act, target, level, ts }: Act, label: string) => {
  const rows = {
    topic: ['m.room.topic', '', { topic: label }],
    ban: ['m.room.member', target, { membership: 'ban' }],
    leave: ['m.room.member', target, { membership: 'leave' }],
    join: ['m.room.member', sender, { membership: 'join' }],
    levels: ['m.room.power_levels', '', levelsOf(version, { [bob]: level })],
    rules: ['m.room.join_rules', '', { join_rule: level > 0 ? 'public' : 'invite' }],
  } as const;
  const [type, stateKey, content] = rows[act];
  return { sender, type, stateKey, content, ts };
};

/** Three branches on which everybody tries everything, allowed or not; each act cites the state of its branch. */
const tellDrawn = (version: string, acts: readonly Act[]) => {
  const rows: StoryRow[] = opening(version, { [bob]: 50 });
  const branches = [0, 1, 2].map(
    () => new Map(opening(version, {}).map(([label, , type, key]) => [`${type} ${key}`, label])),
  );
  acts.forEach((act, index) => {
    const label = `act ${index}`;
    const { sender, type, stateKey, content, ts } = toRow(version, act, label);
    const branch = branches[act.branch] ?? new Map<string, string>();
    const cites = ['create', 'power_levels', 'join_rules']
      .map((name) => `m.room.${name} `)
      .concat(`m.room.member ${sender}`, `m.room.member ${act.target}`)
      .flatMap((key) => branch.get(key) ?? []);
    rows.push([label, sender, type, stateKey, content, [...new Set(cites)], { ts }]);
    branch.set(`${type} ${stateKey}`, label);
  });
  const told: Story = tellStory(version, rows);
  return { told, sets: branches.map((branch) => told.stateOf(...branch.values())) };
};

t.test('the order of sets, of their entries and of the events does not matter', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...versions), drawn, (version, acts) => {
      const { told, sets } = tellDrawn(version, acts);
      const expected = outcome(told, sets);
      const backwards = new Map([...told.events].reverse());
      const turned = sets.map((set) => new Map([...set].reverse())).reverse();
      t.same(outcome({ ...told, events: backwards }, turned), expected);
    }),
    { numRuns: 150 },
  );
});

t.test('a rejected event that some set lacks is never in the result', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...versions), drawn, fc.nat(24), (version, acts, pick) => {
      const { told, sets } = tellDrawn(version, acts);
      const rejected = `$act ${pick % acts.length}`;
      const result = outcome(told, sets, { isRejected: (eventId) => eventId === rejected });
      t.notOk(Object.values(result).includes(rejected.slice(1)));
    }),
    { numRuns: 150 },
  );
});
