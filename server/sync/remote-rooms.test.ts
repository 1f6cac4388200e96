import t from 'tap';
import { arrives, person } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import { type SeenEvent, SyncClient } from '../testing/sync-client.ts';

const enc = encodeURIComponent;
const [a, b] = await startTestNetwork(t, 2);

t.test('a room of another server comes and goes as one of this server does', async (t) => {
  const alice = await person(a, 'alice');
  const bob = await person(b, 'bob');
  const client = new SyncClient(b, bob);
  await client.sync();
  const roomId = await alice.createRoom({ preset: 'private_chat', name: 'Tea' });
  const room = `/rooms/${enc(roomId)}`;
  const target = { user_id: bob.userId };
  /** The room's part in the next answer that has one. */
  const next = async (kind: 'join' | 'leave' | 'invite' | 'knock') => {
    for (;;) {
      const part = (await client.sync({ timeout: '5000' })).rooms?.[kind]?.[roomId];
      if (part) return part;
    }
  };

  await alice.insist('POST', `${room}/invite`, target);
  const invite: SeenEvent[] = (await next('invite')).invite_state.events;
  t.match(
    invite.find(({ type }) => type === 'm.room.name'),
    { content: { name: 'Tea' } },
  );
  t.match(
    invite.find(({ state_key: key }) => key === bob.userId),
    { content: { membership: 'invite' }, sender: alice.userId },
  );
  const initial = await new SyncClient(b, bob).sync();
  t.ok(initial.rooms.invite[roomId], 'the invite is in an initial sync');
  await bob.insist('POST', `${room}/leave`, {});
  t.match(
    (await next('leave')).timeline.events,
    [{ state_key: bob.userId, sender: bob.userId, content: { membership: 'leave' } }],
    'refused',
  );

  await alice.insist('POST', `${room}/invite`, target);
  t.ok(await next('invite'), 'asked again');
  await bob.join(roomId, a);
  const joined = await next('join');
  t.equal(joined.timeline.limited, true);
  const state = new SyncClient(b, bob);
  await state.sync();
  const known = [...state.room(roomId).state.keys()];
  for (const type of ['m.room.create', 'm.room.power_levels', 'm.room.name']) {
    t.ok(known.includes(JSON.stringify([type, ''])), type);
  }
  t.equal(joined.summary['m.joined_member_count'], 2);

  await arrives(b, await alice.say(roomId, 'hello'));
  t.equal((await next('join')).timeline.events.at(-1).content.body, 'hello');
  await alice.insist('POST', `${room}/kick`, { ...target, reason: 'out' });
  const kicked = await next('leave');
  t.match(kicked.timeline.events.at(-1).content, { membership: 'leave', reason: 'out' });

  await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' });
  await bob.insist('POST', `/knock/${enc(roomId)}?via=${enc(a.serverName)}`, {});
  t.ok((await next('knock')).knock_state.events.length > 0);
});
