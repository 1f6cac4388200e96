import fc from 'fast-check';
import t from 'tap';
import { type RoomEvent, type StateKey, stateKeyOf } from '../events/room-event.ts';
import { levelsOf, opened, opening } from '../testing/open-room.ts';
import { people, tellStory } from '../testing/tell-story.ts';
import { authChainIds, authDifference } from './auth-chain.ts';
import { conflictedSubgraph } from './conflicted-subgraph.ts';
import { createHeap } from './heap.ts';
import { resolveState } from './resolve-state.ts';
import { splitConflicts } from './split-conflicts.ts';

const { alice, bob } = people;

//   a ← b ← d ← f
//   a ← c ← d       c ← e
const graph: Record<string, string[]> = {
  a: [],
  b: ['a'],
  c: ['a'],
  d: ['b', 'c'],
  e: ['c'],
  f: ['d'],
};
const authEventsOf = (eventId: string) => graph[eventId];
const sorted = (ids: Iterable<string>) => [...ids].sort().join('');

t.test('sets agree where all have the same event', async (t) => {
  const [x, y, z] = ['x', 'y', 'z'].map((type) => stateKeyOf(type, '')) as [
    StateKey,
    StateKey,
    StateKey,
  ];
  const { unconflicted, conflicted } = splitConflicts([
    new Map([
      [x, '1'],
      [y, '2'],
      [z, '3'],
    ]),
    new Map([
      [x, '1'],
      [y, '4'],
    ]),
    new Map([
      [x, '1'],
      [y, '2'],
      [z, '3'],
    ]),
  ]);
  t.strictSame(unconflicted, new Map([[x, '1']]));
  t.strictSame(
    conflicted,
    new Map([
      [y, new Set(['2', '4'])],
      [z, new Set(['3'])],
    ]),
  );
});

t.test(
  'an auth chain is everything that is reached, and ends where nothing is known',
  async (t) => {
    t.equal(sorted(authChainIds(['e'], authEventsOf)), 'ace');
    t.equal(sorted(authChainIds(['f'], authEventsOf)), 'abcdf');
    const missing: string[] = [];
    authChainIds(['f'], (eventId) => {
      if (eventId === 'd') missing.push(eventId);
      return eventId === 'd' ? undefined : graph[eventId];
    });
    t.same(missing, ['d'], 'so that the caller sees what to load next');
  },
);

t.test('the auth difference is what some chains have and others lack', async (t) => {
  const set = (...ids: string[]) => new Map(ids.map((id, i) => [stateKeyOf(String(i), ''), id]));
  t.equal(sorted(authDifference([set('f'), set('e')], authEventsOf)), 'bdef');
  t.equal(sorted(authDifference([set('f'), set('f')], authEventsOf)), '');
  t.equal(
    sorted(authDifference([set('f', 'b'), set('e', 'b')], authEventsOf)),
    'def',
    'b is agreed on',
  );
  t.equal(
    sorted(authDifference([set('f', 'd'), set('a', 'd')], authEventsOf)),
    'f',
    'd and below too',
  );
  t.equal(sorted(authDifference([set('b'), set('c'), set('d')], authEventsOf)), 'bcd');
});

t.test('the conflicted subgraph is what lies between conflicted events', async (t) => {
  t.equal(sorted(conflictedSubgraph(new Set(['f', 'b']), authEventsOf)), 'bdf');
  t.equal(sorted(conflictedSubgraph(new Set(['f', 'a']), authEventsOf)), 'abcdf');
  t.equal(sorted(conflictedSubgraph(new Set(['e', 'b']), authEventsOf)), 'be');
});

t.test('a heap gives its items in order', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), (numbers) => {
      const heap = createHeap<number>((a, b) => a < b);
      for (const number of numbers) heap.push(number);
      const popped = numbers.map(() => heap.pop());
      return heap.pop() === undefined && popped.join() === numbers.toSorted((a, b) => a - b).join();
    }),
  );
  t.pass();
});

t.test('a given auth difference is used instead of walking', async (t) => {
  const told = tellStory('11', [
    ...opening('11', { [bob]: 50 }),
    [
      'demotion',
      alice,
      'm.room.power_levels',
      '',
      levelsOf('11', {}),
      ['create', 'levels', 'alice'],
    ],
    ['topic', bob, 'm.room.topic', '', {}, ['create', 'levels', 'bob']],
    ['name', alice, 'm.room.name', '', {}, ['create', 'demotion', 'alice']],
  ]);
  const sets = [told.stateOf(...opened, 'topic'), told.stateOf(...opened, 'name')];
  const topicKey = stateKeyOf('m.room.topic', '');
  t.equal(resolveState(sets, told.events, told.rules).get(topicKey), undefined);
  const options = { authDifference: new Set<string>() };
  t.equal(resolveState(sets, told.events, told.rules, options).get(topicKey), '$topic');
});

t.test('long chains and wide forks need no deep stack', async (t) => {
  for (const version of ['11', '12']) {
    const told = tellStory(version, opening(version, {}));
    const events = new Map(told.events);
    const grow = (eventId: string, like: string, more: Partial<RoomEvent>) => {
      events.set(eventId, { ...told.event(like), eventId, ...more });
      return eventId;
    };
    let last = '$levels';
    for (let i = 0; i < 20_000; i++) {
      const authEvents = [...told.event('levels').authEvents, last];
      last = grow(`$levels ${i}`, 'levels', { authEvents, originServerTs: i });
    }
    const [left, right] = [told.stateOf(...opened), told.stateOf(...opened)];
    left.set(stateKeyOf('m.room.power_levels', ''), last);
    for (let i = 0; i < 3_000; i++) {
      const member = { sender: `@u${i}:u.example`, stateKey: `@u${i}:u.example` };
      const key = stateKeyOf('m.room.member', member.stateKey);
      left.set(key, grow(`$left ${i}`, 'bob', member));
      right.set(key, grow(`$right ${i}`, 'bob', { ...member, originServerTs: 5_000 }));
    }
    const state = resolveState([left, right], events, told.rules);
    t.equal(state.get(stateKeyOf('m.room.power_levels', '')), last);
    t.equal(state.get(stateKeyOf('m.room.member', '@u7:u.example')), '$right 7');
    t.equal(state.size, opened.length + 3_000);
  }
});
