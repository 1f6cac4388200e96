import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { type Case, judge, type Sent } from '../testing/judge.ts';
import { people, tellStory } from '../testing/tell-story.ts';
import { checkAuth } from './check-auth.ts';

const { alice, bob, charlie } = people;
const dave = '@dave:d.example';

const message = (sender: string): Sent => [sender, 'm.room.message', undefined, { body: 'hi' }];
const needs = (levels: JsonObject): Sent => [
  alice,
  'm.room.power_levels',
  '',
  { users: { [bob]: 50 }, ...levels },
];
const offer = (sender: string): Sent => [sender, 'm.room.third_party_invite', 'token', {}];

const cases: Case[] = [
  { name: 'members talk', sent: message(charlie) },
  { name: 'strangers do not talk', sent: message(dave), rule: ['5', '6'] },
  {
    name: 'those who left do not talk',
    given: [[charlie, 'm.room.member', charlie, { membership: 'leave' }]],
    sent: message(charlie),
    rule: ['5', '6'],
  },
  { name: 'members make third-party invites', sent: offer(bob) },
  {
    name: 'third-party invites need the invite level, and no other',
    given: [needs({ invite: 51, state_default: 0 })],
    sent: offer(bob),
    rule: ['6.1', '7.1'],
  },
  {
    name: 'talking needs the level',
    given: [needs({ events_default: 1 })],
    sent: message(charlie),
    rule: ['7', '8'],
  },
  { name: 'state needs 50 by default', sent: [charlie, 'm.room.topic', '', {}], rule: ['7', '8'] },
  { name: 'moderators set state', sent: [bob, 'm.room.topic', '', {}] },
  {
    name: 'a listed type needs its level',
    given: [needs({ events: { 'm.room.topic': 51 } })],
    sent: [bob, 'm.room.topic', '', {}],
    rule: ['7', '8'],
  },
  {
    name: 'a listed type needs its level only',
    given: [needs({ events: { 'm.room.topic': 0 } })],
    sent: [charlie, 'm.room.topic', '', {}],
  },
  {
    name: 'the names of an object are types like any other',
    given: [needs({ events: {} })],
    sent: [charlie, 'constructor', '', {}],
    rule: ['7', '8'],
  },
  { name: "one's own state key is free", sent: [bob, 'org.example', bob, {}] },
  { name: "another's state key is not", sent: [bob, 'org.example', alice, {}], rule: ['8', '9'] },
  {
    name: 'a redaction is an event like any other',
    sent: [charlie, 'm.room.redaction', undefined, {}],
  },
  {
    name: 'the creator has the say before there are power levels',
    opened: ['create', 'alice'],
    sent: [alice, 'm.room.topic', '', {}],
  },
  {
    name: 'others have none before there are power levels',
    opened: ['create', 'alice', 'bob'],
    sent: [bob, 'm.room.topic', '', {}],
    rule: ['7', '8'],
  },
  {
    name: 'nothing is allowed without a create event',
    opened: ['alice'],
    sent: message(alice),
    rule: ['2.4', '2'],
  },
];

for (const version of ['10', '11', '12']) {
  t.test(`version ${version}: events in a room`, async (t) => {
    for (const one of cases) {
      t.equal(judge(version, one), one.rule?.[version === '12' ? 1 : 0], one.name);
    }
  });

  t.test(`version ${version}: a room that is not federated keeps other servers out`, async (t) => {
    const create = { creator: alice, 'm.federate': false };
    const told = tellStory(version, [
      ['create', alice, 'm.room.create', '', create],
      ['public', alice, 'm.room.join_rules', '', { join_rule: 'public' }],
      ['bob', bob, 'm.room.member', bob, { membership: 'join' }],
      ['neighbour', '@n:a.example', 'm.room.member', '@n:a.example', { membership: 'join' }],
    ]);
    const state = told.authStateOf('create', 'public');
    t.match(checkAuth(told.event('bob'), state, told.rules), {
      allowed: false,
      rule: version === '12' ? '4' : '3',
    });
    t.same(checkAuth(told.event('neighbour'), state, told.rules), { allowed: true });
  });
}

t.test('version 12 ties a room to its create event', async (t) => {
  const told = tellStory('12', [
    ['create', alice, 'm.room.create', '', {}],
    ['alice', alice, 'm.room.member', alice, { membership: 'join' }],
    ['hi', alice, 'm.room.message', undefined, {}],
  ]);
  const state = told.authStateOf('create', 'alice');
  t.same(checkAuth(told.event('hi'), state, told.rules), { allowed: true });
  const strayed = { ...told.event('hi'), roomId: '!other' };
  t.match(checkAuth(strayed, state, told.rules), { allowed: false, rule: '2' });
});

t.test('additional creators of version 12 stand with the creator', async (t) => {
  for (const [version, allowed] of [
    ['11', false],
    ['12', true],
  ] as const) {
    const told = tellStory(version, [
      ['create', alice, 'm.room.create', '', { additional_creators: [bob] }],
      ['bob', bob, 'm.room.member', bob, { membership: 'join' }],
      ['topic', bob, 'm.room.topic', '', {}],
    ]);
    const state = told.authStateOf('create', 'bob');
    t.equal(checkAuth(told.event('topic'), state, told.rules).allowed, allowed, version);
  }
});
