import t from 'tap';
import { people, rulesOf, tellStory } from '../testing/tell-story.ts';
import { mayRedact } from './may-redact.ts';
import { creatorsOf, powerLevels } from './power-levels.ts';

const { alice, bob, charlie } = people;

t.test('defaults without power levels', async (t) => {
  for (const [version, creator] of [
    ['10', 100],
    ['11', 100],
    ['12', Infinity],
  ] as const) {
    const told = tellStory(version, [['create', alice, 'm.room.create', '', { creator: alice }]]);
    const levels = powerLevels(told.authStateOf('create'), told.rules);
    t.equal(levels.ofUser(alice), creator);
    t.equal(levels.ofUser(bob), 0);
    t.match(levels, { toInvite: 0, toKick: 50, toBan: 50, toRedact: 50 });
    t.equal(levels.toSend('m.room.topic', true), 50);
    t.equal(levels.toSend('m.room.message', false), 0);
    t.equal(levels.toNotify('room'), 50);
  }
});

t.test('levels as the event says', async (t) => {
  const content = {
    users: { [bob]: 60 },
    users_default: 5,
    events: { 'm.room.topic': 7, 'm.reaction': 8 },
    state_default: 30,
    events_default: 2,
    notifications: { room: 20 },
    invite: 1,
    kick: 2,
    ban: 3,
    redact: 4,
  };
  const told = tellStory('11', [
    ['create', alice, 'm.room.create', '', {}],
    ['levels', alice, 'm.room.power_levels', '', content],
  ]);
  const levels = powerLevels(told.authStateOf('create', 'levels'), told.rules);
  t.equal(levels.ofUser(bob), 60);
  t.equal(levels.ofUser(alice), 5, 'the creator is like anyone once there are power levels');
  t.equal(levels.ofUser('constructor'), 5);
  t.match(levels, { toInvite: 1, toKick: 2, toBan: 3, toRedact: 4 });
  t.equal(levels.toSend('m.room.topic', true), 7);
  t.equal(levels.toSend('m.reaction', false), 8);
  t.equal(levels.toSend('m.room.name', true), 30);
  t.equal(levels.toSend('toString', false), 2);
  t.equal(levels.toNotify('room'), 20);
});

t.test('who created a room', async (t) => {
  const told = tellStory('12', [
    ['create', alice, 'm.room.create', '', { creator: charlie, additional_creators: [bob] }],
  ]);
  const create = told.event('create');
  t.same(creatorsOf(create, rulesOf('10')), [charlie]);
  t.same(creatorsOf(create, rulesOf('11')), [alice]);
  t.same(creatorsOf(create, rulesOf('12')), [alice, bob]);
});

t.test('a redaction takes effect by level or by server', async (t) => {
  const neighbour = '@n:c.example';
  for (const version of ['10', '11', '12']) {
    const told = tellStory(version, [
      ['create', alice, 'm.room.create', '', { creator: alice }],
      ['levels', alice, 'm.room.power_levels', '', { users: { [bob]: 50 } }],
      ['target', charlie, 'm.room.message', undefined, {}],
    ]);
    const levels = powerLevels(told.authStateOf('create', 'levels'), told.rules);
    const by = (sender: string, redacts = '$target') => ({
      ...told.event('target'),
      sender,
      redacts,
    });
    t.ok(mayRedact(by(bob), told.event('target'), levels));
    t.ok(mayRedact(by(charlie), told.event('target'), levels));
    t.ok(mayRedact(by(neighbour), told.event('target'), levels));
    t.notOk(mayRedact(by('@d:d.example'), told.event('target'), levels));
    t.notOk(mayRedact(by(bob, '$other'), told.event('target'), levels));
    const elsewhere = { ...by(bob), roomId: '!elsewhere:a.example' };
    t.notOk(mayRedact(elsewhere, told.event('target'), levels));
  }
});
