import t from 'tap';
import { CanonicalJsonError } from '../json/canonical-json.ts';
import { signingKeyFromSeed } from '../keys/signing-key.ts';
import { rulesOf } from '../testing/tell-story.ts';
import { buildEvent, type EventTemplate, EventTooLargeError } from './build-event.ts';
import { clientEvent, strippedState } from './client-event.ts';
import { readStateKey, stateKeyOf } from './room-event.ts';
import { type AskedMembership, sameAsAsked } from './same-as-asked.ts';

const key = signingKeyFromSeed('a', Buffer.alloc(32, 6));
const room = { roomId: '!r:a.example', prevEvents: ['$p'], authEvents: ['$q'], depth: 3 };
const sender = '@alice:a.example';

const built = (version: string, template: Partial<EventTemplate>, depth = 3) =>
  buildEvent(
    { type: 'm.room.message', sender, content: {}, ...template },
    { ...room, depth },
    rulesOf(version),
    { serverName: 'a.example', key, originServerTs: 1_000 },
  );

t.test('what cannot be an event is thrown back', async (t) => {
  t.throws(() => built('11', { content: { a: 1.5 } }), CanonicalJsonError);
  t.throws(() => built('11', { content: { a: 'x'.repeat(65_536) } }), EventTooLargeError);
});

t.test('the depth stays at its limit', async (t) => {
  t.equal(built('11', {}, 2 ** 53).depth, 2 ** 53 - 1);
});

t.test('clients see their format and nothing of federation', async (t) => {
  const event = built('11', { type: 'm.room.topic', stateKey: '', content: { topic: 'x' } });
  const shown = {
    type: 'm.room.topic',
    event_id: event.eventId,
    room_id: '!r:a.example',
    sender,
    origin_server_ts: 1_000,
    state_key: '',
    content: { topic: 'x' },
  };
  t.strictSame(clientEvent(event), shown);
  const { room_id: _roomId, ...inSync } = shown;
  t.strictSame(clientEvent(event, { omitRoomId: true, unsigned: { age: 1 } }), {
    ...inSync,
    unsigned: { age: 1 },
  });
  t.strictSame(strippedState(event), {
    type: 'm.room.topic',
    state_key: '',
    sender,
    content: { topic: 'x' },
  });
});

t.test(
  'a redaction is built where the version keeps its target, and shown in both places',
  async (t) => {
    for (const version of ['10', '11']) {
      const event = built(version, {
        type: 'm.room.redaction',
        redacts: '$target',
        content: { reason: 'x' },
      });
      t.equal(event.redacts, '$target');
      t.equal(event.pdu['redacts'], version === '10' ? '$target' : undefined);
      t.equal(event.content['redacts'], version === '10' ? undefined : '$target');
      t.match(clientEvent(event), {
        redacts: '$target',
        content: { reason: 'x', redacts: '$target' },
      });
    }
  },
);

t.test('state keys are read back, whatever is in them', async (t) => {
  for (const pair of [
    ['a', ''],
    ['a","b', 'c'],
    ['', '"\\'],
  ] as const) {
    t.same(readStateKey(stateKeyOf(pair[0], pair[1])), pair);
  }
  t.not(stateKeyOf('a","b', 'c'), stateKeyOf('a', 'b","c'));
});

const asked: AskedMembership = {
  roomId: '!r:b.example',
  sender,
  stateKey: sender,
  type: 'm.room.member',
  membership: 'join',
  roomVersion: '11',
};
const answer = {
  room_id: '!r:b.example',
  sender,
  state_key: sender,
  type: 'm.room.member',
  content: { membership: 'join', join_authorised_via_users_server: '@bob:b.example' },
  prev_events: ['$p'],
  auth_events: ['$q'],
  depth: 4,
};

t.test(
  'a template is signed only when it is what was asked for, without anything else',
  async (t) => {
    const extra = {
      origin: 'b.example',
      hashes: {},
      redacts: '$x',
      unsigned: {},
      origin_server_ts: 1,
    };
    const content = { ...answer.content, displayname: 'Mallory' };
    t.strictSame(sameAsAsked({ ...answer, ...extra, content }, asked), {
      allowed: true,
      template: { type: 'm.room.member', stateKey: sender, sender, content: answer.content },
      room: { roomId: '!r:b.example', prevEvents: ['$p'], authEvents: ['$q'], depth: 4 },
    });
  },
);

t.test('only a join names who authorised it', async (t) => {
  for (const membership of ['leave', 'knock']) {
    const content = { ...answer.content, membership };
    t.match(sameAsAsked({ ...answer, content }, { ...asked, membership }), {
      template: { content: { membership, join_authorised_via_users_server: undefined } },
    });
  }
  const content = { membership: 'join', join_authorised_via_users_server: 'bob' };
  const verdict = sameAsAsked({ ...answer, content }, asked);
  t.strictSame(verdict.allowed && verdict.template.content, { membership: 'join' });
});

t.test('a template that differs is refused', async (t) => {
  const ids = (count: number) => Array.from({ length: count }, () => '$p');
  for (const [field, value, reason] of [
    ['room_id', '!other:b.example', /room_id/],
    ['room_id', undefined, /room_id/],
    ['sender', '@mallory:a.example', /sender/],
    ['state_key', '@mallory:a.example', /state_key/],
    ['state_key', undefined, /state_key/],
    ['type', 'm.room.power_levels', /type/],
    ['content', { membership: 'ban' }, /membership/],
    ['content', [], /membership/],
    ['content', undefined, /membership/],
    ['prev_events', ids(21), /prev_events/],
    ['prev_events', undefined, /prev_events/],
    ['auth_events', ids(11), /auth_events/],
    ['auth_events', 'x', /auth_events/],
    ['depth', -1, /depth/],
    ['depth', 1.5, /depth/],
    ['depth', undefined, /depth/],
  ] as const) {
    const { [field]: _old, ...others } = answer;
    const changed = value === undefined ? others : { ...others, [field]: value };
    const verdict = sameAsAsked(changed, asked);
    t.match(verdict.allowed ? 'allowed' : verdict.reason, reason, `${field} ${String(value)}`);
  }
});

t.test('the room version must be known and fit the room id', async (t) => {
  for (const roomVersion of ['unknown', '12']) {
    t.match(sameAsAsked(answer, { ...asked, roomVersion }), { allowed: false });
  }
  const hashed = { ...asked, roomId: `!${'A'.repeat(43)}` };
  const template = { ...answer, room_id: hashed.roomId };
  t.match(sameAsAsked(template, hashed), { allowed: false });
  t.match(sameAsAsked(template, { ...hashed, roomVersion: '12' }), { allowed: true });
});
