import t from 'tap';
import { arrives, person } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

const [a, b] = await startTestNetwork(t, 2);

/** The room's current state as a server has it. */
const stateOn = async ({ context }: TestServer, roomId: string) => {
  const room = await context.rooms.get(roomId);
  return [...(room?.state ?? [])].map(([key, { eventId }]) => `${key} ${eventId}`).sort();
};

for (const version of ['10', '11', '12']) {
  t.test(`two servers talk in a room of version ${version}`, async (t) => {
    const alice = await person(a, `alice${version}`);
    const bob = await person(b, `bob${version}`);
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version });
    await bob.join(roomId, a);
    await arrives(b, await alice.say(roomId, 'hello bob'));
    await arrives(a, await bob.say(roomId, 'hello alice'));
    for (let i = 0; i < 5; i += 1) {
      const both = await Promise.all([alice.say(roomId, `a${i}`), bob.say(roomId, `b${i}`)]);
      for (const eventId of both) await Promise.all([arrives(a, eventId), arrives(b, eventId)]);
    }
    t.strictSame(await stateOn(b, roomId), await stateOn(a, roomId));
    const page = await bob.insist('GET', `/rooms/${encodeURIComponent(roomId)}/messages?dir=b`);
    t.ok(page.chunk.some((event: { content: { body?: string } }) => event.content.body === 'a4'));
  });
}
