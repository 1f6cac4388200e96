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
