import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { type Case, judge, type Sent } from '../testing/judge.ts';
import { people } from '../testing/tell-story.ts';

const { alice, bob, charlie } = people;
const dave = '@dave:d.example';
const erin = '@erin:e.example';

const member = (
  sender: string,
  target: string,
  membership: string,
  more: JsonObject = {},
): Sent => [sender, 'm.room.member', target, { membership, ...more }];
const is = (target: string, membership: string): Sent => member(alice, target, membership);
const rules = (join_rule: string): Sent => [alice, 'm.room.join_rules', '', { join_rule }];
const via = (userId: string): JsonObject => ({ join_authorised_via_users_server: userId });
const needs = (levels: JsonObject): Sent => [
  alice,
  'm.room.power_levels',
  '',
  { users: { [bob]: 50 }, ...levels },
];

const joins: Case[] = [
  {
    name: 'the creator joins right after creating',
    opened: ['create'],
    sent: [alice, 'm.room.member', alice, { membership: 'join' }, ['create']],
  },
  {
    name: 'the creator joins by that right once only',
    opened: ['create'],
    sent: [alice, 'm.room.member', alice, { membership: 'join' }, ['create', 'more']],
    rule: ['4.3.7', '5.3.7'],
  },
  {
    name: 'nobody else joins right after the create event',
    opened: ['create'],
    sent: [bob, 'm.room.member', bob, { membership: 'join' }, ['create']],
    rule: ['4.3.7', '5.3.7'],
  },
  { name: 'nobody joins for another', sent: member(bob, dave, 'join'), rule: ['4.3.2', '5.3.2'] },
  {
    name: 'the banned do not join',
    given: [is(dave, 'ban')],
    sent: member(dave, dave, 'join'),
    rule: ['4.3.3', '5.3.3'],
  },
  { name: 'anyone joins a public room', sent: member(dave, dave, 'join') },
  ...['invite', 'knock'].flatMap((joinRule): Case[] => [
    {
      name: `the uninvited do not join under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(dave, dave, 'join'),
      rule: ['4.3.7', '5.3.7'],
    },
    {
      name: `the invited join under ${joinRule}`,
      given: [rules(joinRule), is(dave, 'invite')],
      sent: member(dave, dave, 'join'),
    },
    {
      name: `the joined change their profile under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(bob, bob, 'join', { displayname: 'Bob' }),
    },
  ]),
  ...['restricted', 'knock_restricted'].flatMap((joinRule): Case[] => [
    {
      name: `nobody joins without being authorised under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(dave, dave, 'join'),
      rule: ['4.3.5.2', '5.3.5.2'],
    },
    {
      name: `a stranger authorises nobody under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(dave, dave, 'join', via(erin)),
      rule: ['4.3.5.2', '5.3.5.2'],
    },
    {
      name: `a member who may not invite authorises nobody under ${joinRule}`,
      given: [rules(joinRule), needs({ invite: 51 })],
      sent: member(dave, dave, 'join', via(bob)),
      rule: ['4.3.5.2', '5.3.5.2'],
    },
    {
      name: `a member who may invite authorises a join under ${joinRule}`,
      given: [rules(joinRule), needs({ invite: 50 })],
      sent: member(dave, dave, 'join', via(bob)),
    },
    {
      name: `the invited need no authorisation under ${joinRule}`,
      given: [rules(joinRule), is(dave, 'invite')],
      sent: member(dave, dave, 'join'),
    },
  ]),
  {
    name: 'an unknown join rule lets nobody in',
    given: [rules('private'), is(dave, 'invite')],
    sent: member(dave, dave, 'join'),
    rule: ['4.3.7', '5.3.7'],
  },
  {
    name: 'a room without join rules is for the invited',
    opened: ['create', 'alice', 'levels'],
    sent: member(dave, dave, 'join'),
    rule: ['4.3.7', '5.3.7'],
  },
];

const invites: Case[] = [
  { name: 'members invite', sent: member(bob, dave, 'invite') },
  { name: 'strangers do not invite', sent: member(dave, erin, 'invite'), rule: ['4.4.2', '5.4.2'] },
  {
    name: 'members are not invited',
    sent: member(bob, charlie, 'invite'),
    rule: ['4.4.3', '5.4.3'],
  },
  {
    name: 'the banned are not invited',
    given: [is(dave, 'ban')],
    sent: member(bob, dave, 'invite'),
    rule: ['4.4.3', '5.4.3'],
  },
  {
    name: 'an invite needs the level',
    given: [needs({ invite: 51 })],
    sent: member(bob, dave, 'invite'),
    rule: ['4.4.5', '5.4.5'],
  },
];

const leaves: Case[] = [
  ...['join', 'invite', 'knock'].map(
    (membership): Case => ({
      name: `one leaves from ${membership}`,
      given: [is(dave, membership)],
      sent: member(dave, dave, 'leave'),
    }),
  ),
  ...['leave', 'ban'].map(
    (membership): Case => ({
      name: `one does not leave from ${membership}`,
      given: [is(dave, membership)],
      sent: member(dave, dave, 'leave'),
      rule: ['4.5.1', '5.5.1'],
    }),
  ),
  { name: 'strangers do not kick', sent: member(dave, bob, 'leave'), rule: ['4.5.2', '5.5.2'] },
  { name: 'moderators kick', sent: member(bob, charlie, 'leave') },
  { name: 'members do not kick', sent: member(charlie, dave, 'leave'), rule: ['4.5.5', '5.5.5'] },
  {
    name: 'equals do not kick each other',
    levels: { [bob]: 50, [charlie]: 50 },
    sent: member(bob, charlie, 'leave'),
    rule: ['4.5.5', '5.5.5'],
  },
  { name: 'moderators lift bans', given: [is(dave, 'ban')], sent: member(bob, dave, 'leave') },
  {
    name: 'lifting a ban needs the ban level',
    given: [is(dave, 'ban'), needs({ ban: 51 })],
    sent: member(bob, dave, 'leave'),
    rule: ['4.5.3', '5.5.3'],
  },
];

const bansAndKnocks: Case[] = [
  { name: 'moderators ban', sent: member(bob, dave, 'ban') },
  { name: 'strangers do not ban', sent: member(dave, charlie, 'ban'), rule: ['4.6.1', '5.6.1'] },
  { name: 'members do not ban', sent: member(charlie, dave, 'ban'), rule: ['4.6.3', '5.6.3'] },
  {
    name: 'nobody bans who stands above',
    sent: member(bob, alice, 'ban'),
    rule: ['4.6.3', '5.6.3'],
  },
  {
    name: 'no level reaches a creator of version 12',
    versions: ['12'],
    levels: { [bob]: Number.MAX_SAFE_INTEGER },
    sent: member(bob, alice, 'ban'),
    rule: ['-', '5.6.3'],
  },
  {
    name: 'a higher level bans the creator before version 12',
    versions: ['10', '11'],
    levels: { [bob]: 101 },
    sent: member(bob, alice, 'ban'),
  },
  ...['knock', 'knock_restricted'].flatMap((joinRule): Case[] => [
    {
      name: `one knocks under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(dave, dave, 'knock'),
    },
    {
      name: `nobody knocks for another under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(bob, dave, 'knock'),
      rule: ['4.7.2', '5.7.2'],
    },
    ...['ban', 'invite', 'join'].map(
      (membership): Case => ({
        name: `nobody knocks from ${membership} under ${joinRule}`,
        given: [rules(joinRule), is(dave, membership)],
        sent: member(dave, dave, 'knock'),
        rule: ['4.7.4', '5.7.4'],
      }),
    ),
  ]),
  ...['public', 'invite', 'restricted'].map(
    (joinRule): Case => ({
      name: `nobody knocks under ${joinRule}`,
      given: [rules(joinRule)],
      sent: member(dave, dave, 'knock'),
      rule: ['4.7.1', '5.7.1'],
    }),
  ),
];

const shapes: Case[] = [
  {
    name: 'a member event has a state key',
    sent: [dave, 'm.room.member', undefined, { membership: 'join' }],
    rule: ['4.1', '5.1'],
  },
  {
    name: 'a member event has a membership',
    sent: [dave, 'm.room.member', dave, {}],
    rule: ['4.1', '5.1'],
  },
  { name: 'a membership is a known one', sent: member(dave, dave, 'here'), rule: ['4.8', '5.8'] },
  {
    name: 'who authorised a join is a user',
    sent: member(dave, dave, 'join', via('bob')),
    rule: ['4.2.1', '5.2.1'],
  },
];

for (const version of ['10', '11', '12']) {
  const groups = { joins, invites, leaves, bansAndKnocks, shapes };
  for (const [group, cases] of Object.entries(groups)) {
    t.test(`version ${version}: ${group}`, async (t) => {
      for (const one of cases.filter(({ versions }) => versions?.includes(version) ?? true)) {
        t.equal(judge(version, one), one.rule?.[version === '12' ? 1 : 0], one.name);
      }
    });
  }
}
