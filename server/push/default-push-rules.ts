import type { PushRule } from './push-ruleset.ts';

type Condition = NonNullable<PushRule['conditions']>[number];

const rule = (
  name: string,
  conditions: Condition[],
  actions: PushRule['actions'] = [],
): PushRule => ({ rule_id: `.m.rule.${name}`, default: true, enabled: true, conditions, actions });

const match = (key: string, pattern: string): Condition => ({ kind: 'event_match', key, pattern });
const sound = (value: string) => ({ set_tweak: 'sound', value });
const highlight = { set_tweak: 'highlight' };
const twoMembers: Condition = { kind: 'room_member_count', is: '2' };

/** Goes before all rules, those of users too. */
const master = { ...rule('master', []), enabled: false };

const overrides = (userId: string): PushRule[] => [
  rule('suppress_notices', [match('content.msgtype', 'm.notice')]),
  rule(
    'invite_for_me',
    [
      match('type', 'm.room.member'),
      match('content.membership', 'invite'),
      match('state_key', userId),
    ],
    ['notify', sound('default')],
  ),
  rule('member_event', [match('type', 'm.room.member')]),
  rule(
    'is_user_mention',
    [
      {
        kind: 'event_property_contains',
        key: 'content.m\\.mentions.user_ids',
        value: userId,
      },
    ],
    ['notify', sound('default'), highlight],
  ),
  rule(
    'is_room_mention',
    [
      { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    ['notify', highlight],
  ),
  rule(
    'tombstone',
    [match('type', 'm.room.tombstone'), match('state_key', '')],
    ['notify', highlight],
  ),
  rule('reaction', [match('type', 'm.reaction')]),
  rule('room.server_acl', [match('type', 'm.room.server_acl'), match('state_key', '')]),
  rule('suppress_edits', [
    { kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' },
  ]),
];

const underrides: PushRule[] = [
  rule('call', [match('type', 'm.call.invite')], ['notify', sound('ring')]),
  rule(
    'encrypted_room_one_to_one',
    [twoMembers, match('type', 'm.room.encrypted')],
    ['notify', sound('default')],
  ),
  rule(
    'room_one_to_one',
    [twoMembers, match('type', 'm.room.message')],
    ['notify', sound('default')],
  ),
  rule('message', [match('type', 'm.room.message')], ['notify']),
  rule('encrypted', [match('type', 'm.room.encrypted')], ['notify']),
];

/** The predefined rules, in the specification's order, as they are before a user changes them. */
// https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
export const defaultPushRules = (userId: string) => ({
  master,
  override: overrides(userId),
  underride: underrides,
});
