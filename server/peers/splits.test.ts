import t from 'tap';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { splitNetwork } from '../testing/split-network.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

const [a, b, c] = await startTestNetwork(t, 3);

const stateOn = async ({ context }: TestServer, roomId: string) => {
  const room = await context.rooms.get(roomId);
  return [...(room?.state ?? [])].map(([key, { eventId }]) => `${key} ${eventId}`).sort();
};

const sameState = async (servers: readonly TestServer[], roomId: string) => {
  const states = await Promise.all(servers.map((server) => stateOn(server, roomId)));
  return states.every((state) => JSON.stringify(state) === JSON.stringify(states[0]));
};

const roomOfThree = async (name: string, version: string) => {
  const alice = await person(a, `alice-${name}`);
  const bob = await person(b, `bob-${name}`);
  const carol = await person(c, `carol-${name}`);
  const roomId = await alice.createRoom({
    preset: 'public_chat',
    room_version: version,
    power_level_content_override: { users_default: 50 },
  });
  for (const one of [bob, carol, await person(c, `carl-${name}`)]) await one.join(roomId, a);
  await until(() => sameState([a, b, c], roomId));
  return { alice, bob, carol, roomId };
};

for (const version of ['10', '11', '12']) {
  t.test(`both sides of a split of a room of version ${version} end the same`, async (t) => {
    const { alice, bob, carol, roomId } = await roomOfThree(`split${version}`, version);
    const heal = splitNetwork([a], [b, c]);
    const said: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      said.push(await alice.say(roomId, `a${i}`), await bob.say(roomId, `b${i}`));
      said.push(await carol.say(roomId, `c${i}`));
    }
    said.push(await alice.setState(roomId, 'm.room.topic', { topic: 'of a' }));
    said.push(await bob.setState(roomId, 'm.room.topic', { topic: 'of b' }));
    await alice.insist('POST', `/rooms/${encodeURIComponent(roomId)}/ban`, {
      user_id: carol.userId,
    });
    said.push(await bob.setState(roomId, 'm.room.name', { name: 'of b' }));
    heal();
    for (const server of [a, b, c]) {
      await Promise.all(said.map((eventId) => arrives(server, eventId)));
    }
    await alice.say(roomId, 'healed');
    const last = await bob.say(roomId, 'healed too');
    await Promise.all([arrives(a, last), arrives(c, last)]);
    await until(() => sameState([a, b, c], roomId));
    t.ok(await sameState([a, b, c], roomId));
  });
}

t.test('who was kicked by somebody whom others had put out before comes back', async (t) => {
  const { alice, bob, carol, roomId } = await roomOfThree('undone', '11');
  const room = `/rooms/${encodeURIComponent(roomId)}`;
  const carl = { user_id: `@carl-undone:${c.serverName}` };
  const levels = await alice.insist('GET', `${room}/state/m.room.power_levels`);
  const users = { ...levels.users, [bob.userId]: 75 };
  const raised = await alice.setState(roomId, 'm.room.power_levels', { ...levels, users });
  await Promise.all([arrives(b, raised), arrives(c, raised)]);

  const heal = splitNetwork([a], [b, c]);
  for (const target of [carl, { user_id: carol.userId }]) {
    await bob.insist('POST', `${room}/kick`, target);
    const entry = (await b.context.rooms.get(roomId))?.memberEntry(target.user_id);
    await arrives(c, entry?.eventId ?? '');
  }
  await alice.insist('POST', `${room}/kick`, { user_id: bob.userId });
  const kick = (await b.context.rooms.get(roomId))?.memberEntry(carol.userId)?.eventId ?? '';
  heal();
  await until(async () => {
    // What was held back goes out with what is said next.
    await alice.say(roomId, 'are you there?');
    return (await a.context.rooms.events.loadOne(kick)) !== undefined;
  });
  t.equal((await a.context.rooms.get(roomId))?.servers.has(c.serverName), true, 'it counts there');
  t.equal((await c.context.rooms.get(roomId))?.servers.has(c.serverName), false, 'and not itself');
  await carol.join(roomId, a);
  await arrives(c, await alice.say(roomId, 'there you are'));
  await arrives(a, await carol.say(roomId, 'here I am'));
  await until(() => sameState([a, c], roomId));
});
