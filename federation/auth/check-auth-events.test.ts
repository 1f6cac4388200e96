import t from 'tap';
import { eventFromPdu } from '../events/event-from-pdu.ts';
import { type JsonObject, type Pdu, type RoomEvent, stateKeyOf } from '../events/room-event.ts';
import { opening } from '../testing/open-room.ts';
import { people, rulesOf, type StoryRow, tellStory } from '../testing/tell-story.ts';
import { authTypesFor } from './auth-types.ts';
import { checkAuth } from './check-auth.ts';
import { checkAuthEvents } from './check-auth-events.ts';

const { alice, bob, charlie } = people;
const none = () => false;

const judgeCiting = (
  version: string,
  cites: readonly string[],
  {
    rejected = none,
    elsewhere = '',
  }: { rejected?: (id: string) => boolean; elsewhere?: string } = {},
) => {
  const rows: StoryRow[] = [
    ...opening(version, { [bob]: 50 }),
    ['old levels', alice, 'm.room.power_levels', '', {}],
    ['message', alice, 'm.room.message', undefined, {}],
    ['sent', bob, 'm.room.message', undefined, {}, cites],
  ];
  const told = tellStory(version, rows);
  const authEvents = [...told.events.values()].map((event) =>
    event.eventId === `$${elsewhere}` ? { ...event, roomId: '!elsewhere:a.example' } : event,
  );
  const verdict = checkAuthEvents(told.event('sent'), authEvents, rejected, told.rules);
  return verdict.allowed ? undefined : verdict.rule;
};

for (const version of ['10', '11', '12']) {
  const number = version === '12' ? '3' : '2';
  t.test(`version ${version}: what an event may cite`, async (t) => {
    const fine = ['create', 'levels', 'bob'];
    t.equal(judgeCiting(version, fine), undefined, 'what the selection asks for');
    t.equal(judgeCiting(version, ['create', 'bob']), undefined, 'less than that');
    t.equal(judgeCiting(version, [...fine, 'bob']), `${number}.1`, 'an event twice');
    t.equal(judgeCiting(version, [...fine, 'old levels']), `${number}.1`, 'two of one state key');
    t.equal(judgeCiting(version, [...fine, 'charlie']), `${number}.2`, "another's membership");
    t.equal(judgeCiting(version, [...fine, 'public']), `${number}.2`, 'join rules, for a message');
    t.equal(judgeCiting(version, [...fine, 'message']), `${number}.2`, 'no state');
    t.equal(judgeCiting(version, [...fine, 'unknown']), number, 'an unknown event');
    const rejected = (id: string) => id === '$levels';
    t.equal(judgeCiting(version, fine, { rejected }), `${number}.3`, 'a rejected event');
    t.equal(judgeCiting(version, fine, { elsewhere: 'levels' }), `${number}.5`, 'another room');
  });
}

t.test('up to version 11 the create event is cited, from 12 on it is not', async (t) => {
  t.equal(judgeCiting('10', ['levels', 'bob']), '2.4');
  t.equal(judgeCiting('11', ['levels', 'bob']), '2.4');
  t.equal(judgeCiting('12', ['levels', 'bob']), undefined);
  t.equal(judgeCiting('12', ['bob'], { rejected: (id) => id === '$create' }), '2');
  const told = tellStory('12', opening('12', {}));
  const sent: RoomEvent = { ...told.event('bob'), authEvents: ['$create'] };
  const verdict = checkAuthEvents(sent, [told.event('create')], none, told.rules);
  t.match(verdict, { allowed: false, rule: '3.2' });
});

t.test('the selection of auth events', async (t) => {
  const key = (type: string, stateKey = '') => stateKeyOf(`m.room.${type}`, stateKey);
  const member = (content: JsonObject, stateKey = charlie) => ({
    type: 'm.room.member',
    sender: bob,
    stateKey,
    content,
  });
  const always = [key('create'), key('member', bob), key('power_levels')];
  const selected = (subject: Parameters<typeof authTypesFor>[0], version = '11') =>
    authTypesFor(subject, rulesOf(version)).sort();
  const sorted = (...more: string[]) => [...always, ...more].sort();

  t.same(selected({ type: 'm.room.create', sender: bob, stateKey: '', content: {} }), []);
  t.same(selected({ type: 'm.room.message', sender: bob, content: {} }), sorted());
  t.same(
    selected({ type: 'x', sender: bob, content: {} }, '12'),
    sorted().filter((k) => k !== key('create')),
  );
  t.same(selected(member({ membership: 'leave' })), sorted(key('member', charlie)));
  t.same(selected(member({ membership: 'ban' })), sorted(key('member', charlie)));
  const strayVia = { membership: 'leave', join_authorised_via_users_server: alice };
  t.same(selected(member(strayVia)), sorted(key('member', charlie)));
  t.same(selected(member({ membership: 'leave' }, bob)), sorted());
  for (const membership of ['join', 'knock']) {
    t.same(selected(member({ membership }, bob)), sorted(key('join_rules')), membership);
  }
  const signed = { token: 'tok', mxid: charlie };
  t.same(
    selected(member({ membership: 'invite', third_party_invite: { signed } })),
    sorted(key('join_rules'), key('member', charlie), key('third_party_invite', 'tok')),
  );
  t.same(
    selected(member({ membership: 'join', join_authorised_via_users_server: alice }, bob)),
    sorted(key('join_rules'), key('member', alice)),
  );
});

const createEvent = (
  version: string,
  more: Record<string, unknown>,
  content: JsonObject,
): RoomEvent => {
  const rules = rulesOf(version);
  const pdu = {
    type: 'm.room.create',
    sender: alice,
    state_key: '',
    content,
    origin_server_ts: 1,
    depth: 1,
    prev_events: [],
    auth_events: [],
    ...(version !== '12' && { room_id: '!room:a.example' }),
    ...more,
  } as unknown as Pdu;
  return eventFromPdu(pdu, '$create', String(pdu['room_id'] ?? '!create'), rules);
};

t.test('create events', async (t) => {
  const judge = (version: string, more: Record<string, unknown>, content: JsonObject) => {
    const event = createEvent(version, more, content);
    const first = checkAuthEvents(event, [], none, rulesOf(version));
    t.same(checkAuth(event, new Map(), rulesOf(version)), first, 'both checks agree');
    return first.allowed ? undefined : first.rule;
  };
  const fine = { creator: alice, room_version: '11' };
  for (const version of ['10', '11', '12']) {
    t.equal(judge(version, {}, fine), undefined);
    t.equal(judge(version, { prev_events: ['$x'] }, fine), '1.1');
    t.equal(judge(version, { state_key: 'x' }, fine), '1');
    t.equal(judge(version, {}, { ...fine, room_version: 'unknown' }), '1.3');
    t.equal(judge(version, {}, { ...fine, room_version: 11 }), '1.3');
    t.equal(judge(version, {}, {}), version === '10' ? '1.4' : undefined);
    t.equal(judge(version, { room_id: '!room:b.example' }, fine), '1.2');
  }
  for (const [additional_creators, rule] of [
    [[bob], undefined],
    [[], undefined],
    [bob, '1.4'],
    [['bob'], '1.4'],
    [[1], '1.4'],
  ] as const) {
    t.equal(judge('12', {}, { additional_creators }), rule);
    t.equal(judge('11', {}, { additional_creators }), undefined);
  }
});

t.test('a room has one create event', async (t) => {
  const told = tellStory('11', opening('11', {}));
  const second = { ...createEvent('11', {}, {}), eventId: '$second' };
  t.match(checkAuth(second, told.authStateOf('create'), told.rules), {
    allowed: false,
    rule: '1.1',
  });
});
