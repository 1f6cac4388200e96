import t from 'tap';
import { changePushRules, readPushRules } from '../push/push-rules.ts';
import { readAccountData, writeAccountData } from '../storage/account-data.ts';
import { readAlias } from '../storage/aliases.ts';
import { transact } from '../storage/database.ts';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { joinRoom } from './join-room.ts';
import { publicRooms } from './public-rooms.ts';
import { readStateEvent } from './read-state.ts';
import { sendEvent } from './send-event.ts';
import { upgradeRoom } from './upgrade-room.ts';

const alice = '@alice:here.example';
const bob = '@bob:here.example';
const refusal = (errcode: string) => ({ name: 'MatrixError', message: /./, errcode });

const contentOf = async (context: TestRooms, roomId: string, type: string) =>
  (await readStateEvent(context, { userId: alice }, roomId, type, ''))['content'];

for (const [from, to] of [
  ['10', '12'],
  ['11', '12'],
  ['12', '12'],
  ['12', '11'],
] as const) {
  t.test(`a room of version ${from} is replaced by one of version ${to}`, async (t) => {
    const context = await testRooms(t);
    const { roomId } = await createRoom(context, alice, {
      room_version: from,
      visibility: 'public',
      room_alias_name: 'tea',
      name: 'Tea',
      topic: 'Hot drinks',
      creation_content: { type: 'm.space' },
    });
    await joinRoom(context, { roomId, sender: bob });
    const levels = (await contentOf(context, roomId, 'm.room.power_levels')) as object;
    const users = { ...(from !== '12' && { [alice]: 100 }), [bob]: 30 };
    await sendEvent(context, {
      roomId,
      sender: alice,
      type: 'm.room.power_levels',
      stateKey: '',
      content: { ...levels, users },
    });
    await t.rejects(
      upgradeRoom(context, { roomId, userId: bob, newVersion: to }),
      refusal('M_FORBIDDEN'),
    );
    await t.rejects(
      upgradeRoom(context, { roomId, userId: alice, newVersion: '99' }),
      refusal('M_UNSUPPORTED_ROOM_VERSION'),
    );
    const replacement = await upgradeRoom(context, { roomId, userId: alice, newVersion: to });
    const room = await context.rooms.get(replacement);
    t.equal(room?.rules.version, to);
    t.equal(room?.levels.ofUser(bob), 30);
    t.ok((room?.levels.ofUser(alice) ?? 0) >= 100);
    t.match(await contentOf(context, replacement, 'm.room.create'), {
      type: 'm.space',
      room_version: to,
      predecessor: { room_id: roomId, event_id: /^\$/ },
    });
    t.match(await contentOf(context, replacement, 'm.room.topic'), { topic: 'Hot drinks' });
    t.match(await contentOf(context, replacement, 'm.room.join_rules'), { join_rule: 'public' });
    t.match(await contentOf(context, replacement, 'm.room.canonical_alias'), {
      alias: '#tea:here.example',
    });
    t.match(await contentOf(context, roomId, 'm.room.tombstone'), {
      replacement_room: replacement,
    });
    t.same(await contentOf(context, roomId, 'm.room.canonical_alias'), {});
    t.equal((await readAlias(context.db, '#tea:here.example'))?.roomId, replacement);
    t.same(
      (await publicRooms(context.db, {})).chunk.map((one) => one.room_id),
      [replacement],
    );
    await t.rejects(
      sendEvent(context, {
        roomId,
        sender: bob,
        type: 'm.room.message',
        content: { msgtype: 'm.text', body: 'x' },
      }),
      refusal('M_FORBIDDEN'),
      'ordinary users speak in the old room no more',
    );
  });
}

t.test('additional creators are those of the request', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  const upgrade = { roomId, userId: alice, newVersion: '12', additionalCreators: [bob] };
  const replacement = await upgradeRoom(context, upgrade);
  const room = await context.rooms.get(replacement);
  t.equal(room?.levels.ofUser(bob), Number.POSITIVE_INFINITY);
});

t.test('users find in the new room what they had set for the old one', async (t) => {
  const context = await testRooms(t);
  const { db } = context;
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  await joinRoom(context, { roomId, sender: bob });
  const tags = { tags: { 'm.favourite': { order: 0.5 } } };
  const muted = { rule_id: roomId, default: false, enabled: true, actions: [] };
  await transact(db, async (tx) => {
    await writeAccountData(tx, { userId: bob, type: 'm.direct' }, { [alice]: [roomId], x: 'odd' });
    for (const userId of [alice, bob]) {
      await writeAccountData(tx, { userId, roomId, type: 'm.tag' }, tags);
    }
  });
  await changePushRules(db, bob, (rules) => ({ ...rules, room: [muted] }));

  const replacement = await upgradeRoom(context, { roomId, userId: alice, newVersion: '12' });
  const tagsOf = (userId: string, room: string) =>
    readAccountData(db, { userId, roomId: room, type: 'm.tag' });
  t.same(await tagsOf(alice, replacement), tags, 'whoever upgrades is in the new room at once');
  t.equal(await tagsOf(bob, replacement), undefined);
  await joinRoom(context, { roomId: replacement, sender: bob });
  t.same(await tagsOf(bob, replacement), tags);
  t.same(await readAccountData(db, { userId: bob, type: 'm.direct' }), {
    [alice]: [roomId, replacement],
    x: 'odd',
  });
  const { room } = await readPushRules(db, bob);
  t.same(room, [{ ...muted, rule_id: replacement }, muted]);

  await transact(db, (tx) =>
    writeAccountData(tx, { userId: bob, roomId: replacement, type: 'm.tag' }, { tags: {} }),
  );
  await joinRoom(context, { roomId: replacement, sender: bob });
  t.same(await tagsOf(bob, replacement), { tags: {} }, 'what was changed since stays');
  const impostor = await createRoom(context, alice, {
    preset: 'public_chat',
    creation_content: { predecessor: { room_id: roomId } },
  });
  await joinRoom(context, { roomId: impostor.roomId, sender: bob });
  t.equal(await tagsOf(bob, impostor.roomId), undefined, 'the old room has to say so too');
});
