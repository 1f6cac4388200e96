import type { JsonObject, RoomEvent } from '@candor/federation';
import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import { defaultPushRules } from './default-push-rules.ts';
import { matchesGlob, matchesWords } from './glob.ts';
import { matchPushRules, type PushSurroundings } from './match-push-rules.ts';
import { readPropertyPath } from './property-path.ts';
import type { PushRule, PushRuleset } from './push-ruleset.ts';

const around: PushSurroundings = {
  memberCount: 3,
  displayName: 'Alice',
  levelOf: (userId) => (userId === '@admin:x' ? 100 : 0),
  levelToNotify: () => 50,
};

const eventOf = (content: JsonObject, fields: Partial<RoomEvent> = {}): RoomEvent => ({
  eventId: '$e',
  roomId: '!r:x',
  type: 'm.room.message',
  sender: '@bob:x',
  content,
  originServerTs: 0,
  depth: 1,
  prevEvents: [],
  authEvents: [],
  pdu: { type: 'm.room.message', sender: '@bob:x', content },
  ...fields,
});

const { master, override, underride } = defaultPushRules('@alice:x');
const defaults: PushRuleset = {
  override: [master, ...override],
  content: [],
  room: [],
  sender: [],
  underride,
};

const outcome = (event: RoomEvent, rules: PushRuleset = defaults, more = {}) =>
  matchPushRules(rules, event, { ...around, ...more });

t.test('the predefined rules tell messages, mentions and noise apart', async (t) => {
  const quiet = { notify: false, highlight: false };
  const plain = { notify: true, highlight: false };
  const loud = { notify: true, highlight: true };
  t.same(outcome(eventOf({ body: 'hi' })), plain);
  t.same(outcome(eventOf({}, { type: 'm.room.encrypted' })), plain);
  t.same(outcome(eventOf({ body: 'hi', msgtype: 'm.notice' })), quiet);
  t.same(outcome(eventOf({ 'm.mentions': { user_ids: ['@alice:x'] } })), loud);
  t.same(outcome(eventOf({ 'm.mentions': { user_ids: ['@carol:x'] } })), plain);
  const room = { 'm.mentions': { room: true } };
  t.same(outcome(eventOf(room)), plain, 'not everybody may call the room');
  t.same(outcome(eventOf(room, { sender: '@admin:x' })), loud);
  t.same(outcome(eventOf({}, { type: 'm.reaction' })), quiet);
  t.same(outcome(eventOf({}, { type: 'm.room.topic', stateKey: '' })), quiet);
  t.same(outcome(eventOf({}, { type: 'm.room.tombstone', stateKey: '' })), loud);
  const member = { type: 'm.room.member', stateKey: '@alice:x' };
  t.same(outcome(eventOf({ membership: 'invite' }, member)), plain);
  t.same(outcome(eventOf({ membership: 'join' }, member)), quiet);
  t.same(outcome(eventOf({ 'm.relates_to': { rel_type: 'm.replace' } })), quiet);
  const off = { ...defaults, override: [{ ...master, enabled: true }, ...override] };
  t.same(outcome(eventOf({ body: 'hi' }), off), quiet, 'the master rule turns everything off');
});

t.test('rules of users go by kind: override, content, room, sender, underride', async (t) => {
  const rule = (fields: Partial<PushRule>): PushRule => ({
    rule_id: 'r',
    default: false,
    enabled: true,
    actions: [],
    ...fields,
  });
  const notify = { actions: ['notify'] };
  const none: PushRuleset = { override: [], content: [], room: [], sender: [], underride: [] };
  const hears = (rules: Partial<PushRuleset>, more = {}) =>
    outcome(eventOf({ body: 'time for tea' }), { ...none, ...rules }, more).notify;
  t.equal(hears({}), false);
  t.equal(hears({ content: [rule({ pattern: 'TEA', ...notify })] }), true);
  t.equal(hears({ content: [rule({ pattern: 'te', ...notify })] }), false, 'whole words');
  t.equal(hears({ room: [rule({ rule_id: '!r:x', ...notify })] }), true);
  t.equal(hears({ room: [rule({ rule_id: '!other:x', ...notify })] }), false);
  t.equal(hears({ sender: [rule({ rule_id: '@bob:x', ...notify })] }), true);
  t.equal(hears({ override: [rule({ enabled: false, ...notify })] }), false);
  t.equal(hears({ override: [rule({})], room: [rule({ rule_id: '!r:x', ...notify })] }), false);
  const when = (condition: NonNullable<PushRule['conditions']>[number]) =>
    hears({ underride: [rule({ conditions: [condition], ...notify })] });
  t.equal(when({ kind: 'unheard_of' }), false);
  t.equal(when({ kind: 'contains_display_name' }), false);
  for (const [is, expected] of [
    ['3', true],
    ['==3', true],
    ['>2', true],
    ['>3', false],
    ['<=3', true],
    ['<3', false],
    ['>=4', false],
    ['x', false],
  ] as const) {
    t.equal(when({ kind: 'room_member_count', is }), expected, is);
  }
  t.equal(when({ kind: 'event_match', key: 'content.body', pattern: 't?m*' }), true);
  t.equal(when({ kind: 'event_match', key: 'content', pattern: '*' }), false);
  t.equal(when({ kind: 'event_property_is', key: 'type', value: 'm.room.message' }), true);
  t.equal(when({ kind: 'event_property_is', key: 'type', value: null }), false);
});

t.test('paths keep dots and backslashes that are escaped', async (t) => {
  t.same(readPropertyPath('content.m\\.relates_to.rel_type'), [
    'content',
    'm.relates_to',
    'rel_type',
  ]);
  t.same(readPropertyPath('content.m\\\\foo'), ['content', 'm\\foo']);
  t.same(readPropertyPath('a\\x'), ['a\\x']);
});

t.test('globs match as a regular expression would, in bounded time', async (t) => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'C'), maxLength: 12 });
  const globs = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '*', '?'), maxLength: 6 });
  const asRegExp = (glob: string) => glob.replaceAll('?', '.').replaceAll('*', '.*');
  fc.assert(
    fc.property(globs, letters, (glob, text) => {
      const whole = new RegExp(`^${asRegExp(glob)}$`, 'is');
      if (matchesGlob(glob, text) !== whole.test(text)) throw new Error('the whole text');
      const edge = '(?:(?<![a-z0-9_])|(?![a-z0-9_]))';
      const words = new RegExp(`${edge}${asRegExp(glob)}${edge}`, 'is');
      if (matchesWords(glob, text) !== words.test(text)) throw new Error('words');
    }),
    { numRuns: 2000 },
  );
  // Were these tried in more ways than one, the test would not end in time.
  const text = 'a'.repeat(60_000);
  for (const pattern of [`${'a*'.repeat(500)}b`, `${'?*'.repeat(500)}b`, `${'a'.repeat(999)}b*b`]) {
    for (let rule = 0; rule < limits.pushRulesBytesMax / pattern.length; rule += 1) {
      if (matchesGlob(pattern, text) || matchesWords(pattern, text)) t.fail(pattern);
    }
  }
  t.ok(matchesWords('ex*ple', 'An exciting triple-whammy'));
});
