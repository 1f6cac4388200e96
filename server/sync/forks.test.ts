import { limits } from '@candor/spec';
import t from 'tap';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { splitNetwork } from '../testing/split-network.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';
import { SyncClient } from '../testing/sync-client.ts';

const [a, b] = await startTestNetwork(t, 2);

const stateOn = async ({ context }: TestServer, roomId: string) => {
  const room = await context.rooms.get(roomId);
  const entries = [...(room?.state ?? [])].map(([key, { eventId }]) => [key, eventId] as const);
  return new Map(entries.sort());
};

/** Pushes everything out of the notifier's memory, so that the database has to answer. */
const forgetChanges = ({ context }: TestServer): void => {
  for (let count = 0; count <= 2 * limits.notifierChangesMax; count += 1) {
    const change = { kind: 'outbox', destinations: [], wakes: [] } as const;
    context.notifier.publish(context.db.clock.committed, change);
  }
};

for (const version of ['11', '12']) {
  t.test(`clients learn what becomes of a fork of a room of version ${version}`, async (t) => {
    const alice = await person(a, `alice${version}`);
    const bob = await person(b, `bob${version}`);
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      room_version: version,
      power_level_content_override: { users_default: 50 },
    });
    await bob.join(roomId, a);
    const carol = await person(b, `carol${version}`);
    await carol.join(roomId, a);
    const follow = (server: TestServer, who: typeof alice, limit: number) =>
      new SyncClient(server, who, {
        use_state_after: 'true',
        filter: JSON.stringify({ room: { timeline: { limit } } }),
      });
    const often = [follow(a, alice, 50), follow(b, bob, 50), follow(b, bob, 1)];
    const seldom = [follow(a, alice, 2), follow(b, bob, 2)];
    const midway = [follow(a, alice, 2), follow(b, bob, 2), follow(b, bob, 50)];
    const undone = 'of one who was banned meanwhile';
    await arrives(b, await alice.setState(roomId, 'test', { by: 'alice' }, undone));
    const last = await alice.say(roomId, 'all is well');
    await arrives(b, last);
    for (const client of [...often, ...seldom]) await client.sync();

    const heal = splitNetwork([a], [b]);
    const said: string[] = [];
    for (const [who, name] of [
      [alice, 'of a'],
      [bob, 'of b'],
    ] as const) {
      said.push(await who.setState(roomId, 'm.room.topic', { topic: name }));
      said.push(await who.setState(roomId, 'm.room.name', { name }));
      said.push(await who.setState(roomId, 'test', { name }, name));
    }
    await alice.insist('POST', `/rooms/${encodeURIComponent(roomId)}/ban`, {
      user_id: carol.userId,
    });
    said.push(await carol.setState(roomId, 'test', {}, undone));
    for (const client of [...often, ...midway]) await client.sync();
    heal();
    await Promise.all(said.flatMap((id) => [arrives(a, id), arrives(b, id)]));
    for (const client of often) await client.sync();
    const end = await alice.say(roomId, 'healed');
    await arrives(b, end);
    const onA = await stateOn(a, roomId);
    await until(async () => (await stateOn(b, roomId)).size === onA.size);
    for (const server of [a, b]) forgetChanges(server);
    const clients = [...often, ...seldom, ...midway];
    for (const client of clients) await client.sync();
    t.strictSame(await stateOn(b, roomId), onA);
    for (const [index, client] of clients.entries()) {
      const known = new Map([...client.room(roomId).state].sort());
      // No answer can say that an entry of the state is gone.
      for (const key of known.keys()) if (!onA.has(key)) known.delete(key);
      t.strictSame(known, onA, `client ${index}`);
    }
    const ofCarol = follow(b, carol, 10);
    await ofCarol.sync();
    t.notOk(ofCarol.rooms.has(roomId), 'who was banned meanwhile is out');
  });
}
