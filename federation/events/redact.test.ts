import t from 'tap';
import { rulesOf } from '../testing/tell-story.ts';
import { redact } from './redact.ts';
import type { JsonObject, Pdu } from './room-event.ts';

const everyKey = {
  auth_events: [],
  content: {},
  depth: 1,
  event_id: '$x',
  hashes: {},
  membership: 'join',
  org_example: 1,
  origin: 'a.example',
  origin_server_ts: 1,
  prev_events: [],
  prev_state: [],
  redacts: '$y',
  room_id: '!r:a.example',
  sender: '@a:a.example',
  signatures: {},
  state_key: '',
  type: 'x',
  unsigned: {},
};

// https://spec.matrix.org/v1.19/rooms/v10/#redactions and https://spec.matrix.org/v1.19/rooms/v11/#redactions
t.test('the top-level keys that redaction keeps', async (t) => {
  const always = [
    'auth_events',
    'content',
    'depth',
    'event_id',
    'hashes',
    'origin_server_ts',
    'prev_events',
    'room_id',
    'sender',
    'signatures',
    'state_key',
    'type',
  ];
  const kept = (version: string) => Object.keys(redact(everyKey, rulesOf(version))).sort();
  t.same(kept('10'), [...always, 'membership', 'origin', 'prev_state'].sort());
  t.same(kept('11'), always);
  t.same(kept('12'), always);
});

const everyLevel = {
  ban: 1,
  events: {},
  events_default: 1,
  kick: 1,
  redact: 1,
  state_default: 1,
  users: {},
  users_default: 1,
};
const signed = { mxid: '@a:a.example', token: 't' };

const content: readonly [type: string, whole: JsonObject, in10: JsonObject, from11: JsonObject][] =
  [
    ['m.room.message', { body: 'x' }, {}, {}],
    ['m.room.topic', { topic: 'x' }, {}, {}],
    ['m.room.aliases', { aliases: [] }, {}, {}],
    ['constructor', { name: 'x' }, {}, {}],
    [
      'm.room.member',
      {
        membership: 'join',
        displayname: 'x',
        join_authorised_via_users_server: '@b:b.example',
        third_party_invite: { display_name: 'x', signed },
      },
      { membership: 'join', join_authorised_via_users_server: '@b:b.example' },
      {
        membership: 'join',
        join_authorised_via_users_server: '@b:b.example',
        third_party_invite: { signed },
      },
    ],
    ['m.room.member', { third_party_invite: 'x' }, {}, {}],
    ['m.room.member', { third_party_invite: { a: 1 } }, {}, { third_party_invite: {} }],
    [
      'm.room.create',
      { creator: '@a:a.example', room_version: '11', other: 1 },
      { creator: '@a:a.example' },
      { creator: '@a:a.example', room_version: '11', other: 1 },
    ],
    [
      'm.room.join_rules',
      { join_rule: 'restricted', allow: [], other: 1 },
      { join_rule: 'restricted', allow: [] },
      { join_rule: 'restricted', allow: [] },
    ],
    [
      'm.room.power_levels',
      { ...everyLevel, invite: 1, notifications: {} },
      everyLevel,
      { ...everyLevel, invite: 1 },
    ],
    [
      'm.room.history_visibility',
      { history_visibility: 'shared', other: 1 },
      { history_visibility: 'shared' },
      { history_visibility: 'shared' },
    ],
    ['m.room.redaction', { redacts: '$y', reason: 'x' }, {}, { redacts: '$y' }],
  ];

for (const version of ['10', '11', '12']) {
  t.test(`version ${version}: the content that redaction keeps`, async (t) => {
    for (const [type, whole, in10, from11] of content) {
      const pdu: Pdu = { type, sender: '@a:a.example', content: whole };
      const redacted = redact(pdu, rulesOf(version));
      t.strictSame(redacted.content, version === '10' ? in10 : from11, type);
      t.strictSame(redact(redacted, rulesOf(version)), redacted, `${type} twice`);
      t.strictSame(pdu.content, whole, `${type} itself is left alone`);
    }
  });
}
