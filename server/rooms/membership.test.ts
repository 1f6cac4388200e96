import t from 'tap';
import { type TestRooms, testRooms } from '../testing/room-context.ts';
import { createRoom } from './create-room.ts';
import { inviteUser } from './invite-user.ts';
import { joinRoom } from './join-room.ts';
import { knockRoom } from './knock-room.ts';
import { forgetRoom, leaveRoom } from './leave-room.ts';
import { banUser, kickUser, unbanUser } from './remove-user.ts';
import { sendEvent } from './send-event.ts';

const alice = '@alice:here.example';
const bob = '@bob:here.example';
const carol = '@carol:here.example';
const refusal = (errcode: string) => ({ name: 'MatrixError', message: /./, errcode });

const setJoinRule = (context: TestRooms, roomId: string, content: { readonly join_rule: string }) =>
  sendEvent(context, { roomId, sender: alice, type: 'm.room.join_rules', stateKey: '', content });

/** Brings bob to a membership in a room of alice's. */
const paths: Record<string, (context: TestRooms, roomId: string) => Promise<unknown>> = {
  none: async () => undefined,
  invite: (context, roomId) => inviteUser(context, { roomId, sender: alice, target: bob }),
  join: async (context, roomId) => {
    await inviteUser(context, { roomId, sender: alice, target: bob });
    await joinRoom(context, { roomId, sender: bob });
  },
  leave: async (context, roomId) => {
    await inviteUser(context, { roomId, sender: alice, target: bob });
    await joinRoom(context, { roomId, sender: bob });
    await leaveRoom(context, { roomId, sender: bob });
  },
  ban: (context, roomId) => banUser(context, { roomId, sender: alice, target: bob }),
  knock: async (context, roomId) => {
    await setJoinRule(context, roomId, { join_rule: 'knock' });
    await knockRoom(context, { roomId, sender: bob });
    await setJoinRule(context, roomId, { join_rule: 'invite' });
  },
};

const acts: Record<string, (context: TestRooms, roomId: string) => Promise<unknown>> = {
  invite: (context, roomId) => inviteUser(context, { roomId, sender: alice, target: bob }),
  join: (context, roomId) => joinRoom(context, { roomId, sender: bob }),
  leave: (context, roomId) => leaveRoom(context, { roomId, sender: bob }),
  kick: (context, roomId) => kickUser(context, { roomId, sender: alice, target: bob }),
  ban: (context, roomId) => banUser(context, { roomId, sender: alice, target: bob }),
  unban: (context, roomId) => unbanUser(context, { roomId, sender: alice, target: bob }),
  forget: (context, roomId) => forgetRoom(context, roomId, bob),
};

/** What each act of each membership leads to in an invite-only room: the new membership, or the refusal. */
const table: Record<string, Record<string, string>> = {
  none: {
    invite: 'invite',
    join: 'M_FORBIDDEN',
    leave: 'M_FORBIDDEN',
    kick: 'M_FORBIDDEN',
    ban: 'ban',
    unban: 'M_BAD_STATE',
    forget: 'M_UNKNOWN',
  },
  invite: {
    invite: 'invite',
    join: 'join',
    leave: 'leave',
    kick: 'leave',
    ban: 'ban',
    unban: 'M_BAD_STATE',
    forget: 'M_UNKNOWN',
  },
  join: {
    invite: 'M_FORBIDDEN',
    join: 'join',
    leave: 'leave',
    kick: 'leave',
    ban: 'ban',
    unban: 'M_BAD_STATE',
    forget: 'M_UNKNOWN',
  },
  leave: {
    invite: 'invite',
    join: 'M_FORBIDDEN',
    leave: 'leave',
    kick: 'M_FORBIDDEN',
    ban: 'ban',
    unban: 'M_BAD_STATE',
    forget: 'leave',
  },
  ban: {
    invite: 'M_FORBIDDEN',
    join: 'M_FORBIDDEN',
    leave: 'M_FORBIDDEN',
    kick: 'M_BAD_STATE',
    ban: 'ban',
    unban: 'leave',
    forget: 'ban',
  },
  knock: {
    invite: 'invite',
    join: 'M_FORBIDDEN',
    leave: 'leave',
    kick: 'leave',
    ban: 'ban',
    unban: 'M_BAD_STATE',
    forget: 'M_UNKNOWN',
  },
};

const membershipOf = async (context: TestRooms, roomId: string, userId: string) => {
  const room = await context.restarted().rooms.get(roomId);
  const entry = room?.memberEntry(userId);
  const stored = entry && (await context.rooms.events.loadOne(entry.eventId));
  return stored?.event.content['membership'];
};

t.test('every membership and every act on it', async (t) => {
  const context = await testRooms(t);
  for (const [start, outcomes] of Object.entries(table)) {
    for (const [act, outcome] of Object.entries(outcomes)) {
      const { roomId } = await createRoom(context, alice, { preset: 'private_chat' });
      await paths[start]?.(context, roomId);
      const acted = acts[act]?.(context, roomId) ?? Promise.reject(new Error(act));
      if (outcome.startsWith('M_')) {
        await t.rejects(acted, refusal(outcome), `${start}: ${act} is refused`);
      } else {
        await t.resolves(acted, `${start}: ${act}`);
        t.equal(await membershipOf(context, roomId, bob), outcome, `${start}: ${act}`);
      }
    }
  }
});

t.test('joining and leaving a public room moves who is woken', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  await joinRoom(context, { roomId, sender: bob, reason: 'curious' });
  await leaveRoom(context, { roomId, sender: bob });
  const room = await context.rooms.get(roomId);
  t.same([...(room?.localUsers ?? [])], [alice]);
  t.same([...(context.told.at(-1)?.change.wakes ?? [])].sort(), [alice, bob]);
  const message = { roomId, sender: alice, type: 'x', content: {} };
  await sendEvent(context, message);
  t.same([...(context.told.at(-1)?.change.wakes ?? [])], [alice]);
});

t.test('an invitation brings stripped state and the profile along', async (t) => {
  const context = await testRooms(t);
  await context.db.sql
    .insertInto('profile_fields')
    .values([
      { user_id: alice, field: 'displayname', value: '"Alice"' },
      { user_id: bob, field: 'displayname', value: '"Bob"' },
    ])
    .execute();
  const { roomId } = await createRoom(context, alice, {
    name: 'Tea',
    invite: [bob],
    is_direct: true,
  });
  const row = await context.db.sql
    .selectFrom('memberships')
    .selectAll()
    .where('user_id', '=', bob)
    .executeTakeFirstOrThrow();
  t.match(row, { membership: 'invite', sender: alice, is_local: true });
  const stripped = JSON.parse(row.stripped_state ?? '[]') as { type: string; content: object }[];
  t.ok(stripped.some(({ type }) => type === 'm.room.create'));
  t.match(stripped.find(({ type }) => type === 'm.room.name')?.content, { name: 'Tea' });
  t.match(stripped.find(({ type }) => type === 'm.room.member')?.content, { displayname: 'Alice' });
  const stored = await context.rooms.events.loadOne(row.event_id);
  t.match(stored?.event.content, { membership: 'invite', is_direct: true, displayname: 'Bob' });
  await joinRoom(context, { roomId, sender: bob });
  const room = await context.rooms.get(roomId);
  const joined = await context.rooms.events.loadOne(room?.memberEntry(bob)?.eventId ?? '');
  t.match(joined?.event.content, { membership: 'join', displayname: 'Bob' });
});

for (const version of ['10', '11', '12']) {
  t.test(`a restricted room of version ${version} lets in who is in an allowed room`, async (t) => {
    const context = await testRooms(t);
    const club = await createRoom(context, alice, { preset: 'public_chat' });
    await joinRoom(context, { roomId: club.roomId, sender: bob });
    const { roomId } = await createRoom(context, alice, {
      room_version: version,
      power_level_content_override: { invite: 50 },
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: {
            join_rule: 'knock_restricted',
            allow: [{ type: 'm.room_membership', room_id: club.roomId }],
          },
        },
      ],
    });
    await joinRoom(context, { roomId, sender: bob });
    const room = await context.rooms.get(roomId);
    const joined = await context.rooms.events.loadOne(room?.memberEntry(bob)?.eventId ?? '');
    t.equal(joined?.event.content['join_authorised_via_users_server'], alice);
    await t.rejects(joinRoom(context, { roomId, sender: carol }), refusal('M_FORBIDDEN'));
    await knockRoom(context, { roomId, sender: carol });
    await inviteUser(context, { roomId, sender: alice, target: carol });
    await joinRoom(context, { roomId, sender: carol });
    await leaveRoom(context, { roomId, sender: alice });
    await leaveRoom(context, { roomId, sender: bob });
    await t.rejects(
      joinRoom(context, { roomId, sender: bob }),
      refusal('M_UNABLE_TO_GRANT_JOIN'),
      'nobody who is left may invite',
    );
  });
}

t.test('guests come in only where they may', async (t) => {
  const context = await testRooms(t);
  const { roomId } = await createRoom(context, alice, { preset: 'public_chat' });
  const guest = { roomId, sender: '@guest:here.example', isGuest: true };
  await t.rejects(joinRoom(context, guest), refusal('M_GUEST_ACCESS_FORBIDDEN'));
  await sendEvent(context, {
    roomId,
    sender: alice,
    type: 'm.room.guest_access',
    stateKey: '',
    content: { guest_access: 'can_join' },
  });
  await joinRoom(context, guest);
});
