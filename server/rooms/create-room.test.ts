import { roomVersionRules, supportedRoomVersions } from '@candor/federation';
import { sql } from 'kysely';
import t from 'tap';
import { readAlias } from '../storage/aliases.ts';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { publicRooms } from './public-rooms.ts';
import { sendEvent } from './send-event.ts';

const alice = '@alice:here.example';
const bob = '@bob:here.example';
const neverTrue = sql<boolean>`room_nid < 0`;
const refusal = (errcode: string) => ({ name: 'MatrixError', message: /./, errcode });

type Shown = { readonly type: string; readonly key: string; readonly content: object };

/** The events of a room in their order. */
const eventsOf = async ({ db, rooms }: TestRooms, roomId: string): Promise<Shown[]> => {
  const rows = await db.sql
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.room_nid', 'events.room_nid')
    .select('event_id')
    .where('room_id', '=', roomId)
    .orderBy('position')
    .execute();
  const loaded = await rooms.events.load(rows.map((row) => row.event_id));
  return rows.flatMap((row) => {
    const event = loaded.get(row.event_id)?.event;
    return event ? [{ type: event.type, key: event.stateKey ?? '', content: event.content }] : [];
  });
};

const contentOf = (events: readonly Shown[], type: string, key = ''): object | undefined =>
  events.findLast((event) => event.type === type && event.key === key)?.content;

const presets = {
  private_chat: { join: 'invite', guests: 'can_join' },
  trusted_private_chat: { join: 'invite', guests: 'can_join' },
  public_chat: { join: 'public', guests: 'forbidden' },
} as const;

for (const version of supportedRoomVersions) {
  t.test(`rooms of version ${version}`, async (t) => {
    const context = await testRooms(t);
    const rules = roomVersionRules(version);
    for (const preset of ['private_chat', 'trusted_private_chat', 'public_chat'] as const) {
      const { roomId } = await createRoom(context, alice, {
        preset,
        room_version: version,
        invite: [bob],
      });
      const events = await eventsOf(context, roomId);
      t.same(
        events.map(({ type, key }) => `${type} ${key}`.trim()),
        [
          'm.room.create',
          `m.room.member ${alice}`,
          'm.room.power_levels',
          'm.room.join_rules',
          'm.room.history_visibility',
          'm.room.guest_access',
          `m.room.member ${bob}`,
        ],
        'come in the order of the specification',
      );
      const wanted = presets[preset];
      t.match(contentOf(events, 'm.room.join_rules'), { join_rule: wanted.join });
      t.match(contentOf(events, 'm.room.guest_access'), { guest_access: wanted.guests });
      t.match(contentOf(events, 'm.room.history_visibility'), { history_visibility: 'shared' });
      t.match(contentOf(events, 'm.room.create'), { room_version: version });
      const room = await context.restarted().rooms.get(roomId);
      t.ok((room?.levels.ofUser(alice) ?? 0) >= 100);
      const isTrusted = preset === 'trusted_private_chat';
      t.equal(room?.levels.ofUser(bob), isTrusted ? room?.levels.ofUser(alice) : 0);
      t.equal(roomId.includes(':'), !rules?.roomIdIsCreateHash);
    }
  });
}

t.test('a request may say everything else', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, {
    visibility: 'public',
    room_alias_name: 'tea',
    name: 'Tea',
    topic: 'Hot drinks',
    creation_content: { 'm.federate': false, type: 'm.space', creator: bob, room_version: '1' },
    power_level_content_override: { events_default: 10, users: { [bob]: 60 } },
    initial_state: [
      { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } },
      { type: 'm.room.name', content: { name: 'overridden' } },
      { type: 'org.example', state_key: 'x', content: { y: 1 } },
    ],
  });
  const events = await eventsOf(context, roomId);
  t.same(
    events.map(({ type }) => type),
    [
      'm.room.create',
      'm.room.member',
      'm.room.power_levels',
      'm.room.canonical_alias',
      'm.room.join_rules',
      'm.room.guest_access',
      'm.room.history_visibility',
      'm.room.name',
      'org.example',
      'm.room.name',
      'm.room.topic',
    ],
  );
  t.same(contentOf(events, 'm.room.create'), {
    'm.federate': false,
    type: 'm.space',
    room_version: '12',
  });
  t.match(contentOf(events, 'm.room.power_levels'), { events_default: 10, users: { [bob]: 60 } });
  t.same(contentOf(events, 'm.room.canonical_alias'), { alias: '#tea:here.example' });
  t.same(contentOf(events, 'm.room.name'), { name: 'Tea' });
  t.same(contentOf(events, 'm.room.topic'), {
    topic: 'Hot drinks',
    'm.topic': { 'm.text': [{ body: 'Hot drinks' }] },
  });
  t.equal((await readAlias(context.db, '#tea:here.example'))?.roomId, roomId);
  t.match(await publicRooms(context.db, { searchTerm: 'DRINK' }), {
    chunk: [{ room_id: roomId, name: 'Tea', num_joined_members: 1, room_type: 'm.space' }],
    total_room_count_estimate: 1,
  });
  t.same((await publicRooms(context.db, { roomTypes: [null] })).chunk, []);
});

t.test('pages of the public rooms list each room once, the largest first', async (t) => {
  const context = await testRooms(t);
  for (let index = 0; index < 5; index += 1) {
    await createRoom(context, alice, { visibility: 'public', name: `room ${index}` });
  }
  const names: unknown[] = [];
  let since: string | undefined;
  do {
    const page = await publicRooms(context.db, { limit: 2, since });
    names.push(...page.chunk.map(({ name }) => name));
    since = page.next_batch;
  } while (since !== undefined);
  t.same([...names].sort(), ['room 0', 'room 1', 'room 2', 'room 3', 'room 4']);
  await t.rejects(publicRooms(context.db, { since: 'nonsense' }), refusal('M_INVALID_PARAM'));
});

const faults = [
  ['an unknown version', { room_version: '99' }, 'M_UNSUPPORTED_ROOM_VERSION'],
  ['an alias with a colon', { room_alias_name: 'a:b' }, 'M_INVALID_PARAM'],
  [
    'an invitation by mail',
    { invite_3pid: [{ id_server: 'x', id_access_token: 'x', medium: 'email', address: 'x' }] },
    'M_THREEPID_DENIED',
  ],
  ['an invitee who is no user', { invite: ['@x'] }, 'M_INVALID_PARAM'],
  [
    'levels that shut the creator out',
    { room_version: '11', power_level_content_override: { users: {} }, name: 'x' },
    'M_INVALID_ROOM_STATE',
  ],
  [
    'a second create event',
    { initial_state: [{ type: 'm.room.create', content: {} }] },
    'M_INVALID_ROOM_STATE',
  ],
  [
    'encryption without algorithm',
    { initial_state: [{ type: 'm.room.encryption', content: {} }] },
    'M_BAD_JSON',
  ],
] as const;

t.test('a room that cannot be is not made, and holds nobody up', async (t) => {
  const context = await testRooms(t);
  for (const [name, request, errcode] of faults) {
    await t.rejects(createRoom(context, alice, request as object), refusal(errcode), name);
  }
  await createRoom(context, alice, { room_alias_name: 'taken' });
  const taken = createRoom(context, alice, { room_alias_name: 'taken' });
  await t.rejects(taken, refusal('M_ROOM_IN_USE'));
  const rooms = await context.db.sql.selectFrom('rooms').selectAll().execute();
  t.equal(rooms.length, 1);
  const { roomId } = await createRoom(context, alice, {});
  const sent = await sendEvent(context, { roomId, sender: alice, type: 'x', content: {} });
  t.equal(context.told.at(-1)?.position, sent.position, 'positions of what failed are free');
});

t.test('a room whose write is lost leaves no alias behind', async (t) => {
  const context = await testRooms(t);
  await context.db.sql.schema.alterTable('rooms').addCheckConstraint('never', neverTrue).execute();
  await t.rejects(createRoom(context, alice, { room_alias_name: 'tea' }));
  t.equal(await readAlias(context.db, '#tea:here.example'), undefined);
});

t.test('rooms that one user makes in the same millisecond are different rooms', async (t) => {
  const context = await testRooms(t);
  const stopped = { ...context, now: () => 1_700_000_000_000 };
  const made = await Promise.all(
    supportedRoomVersions.flatMap((room_version) => [
      createRoom(stopped, alice, { room_version }),
      createRoom(stopped, alice, { room_version }),
    ]),
  );
  t.equal(new Set(made.map(({ roomId }) => roomId)).size, made.length);
});
