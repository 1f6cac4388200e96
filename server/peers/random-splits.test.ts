import fc from 'fast-check';
import t from 'tap';
import { person, until } from '../testing/federated-rooms.ts';
import { splitNetwork } from '../testing/split-network.ts';
import { startTestNetwork } from '../testing/start-network.ts';

const servers = await startTestNetwork(t, 3);
t.setTimeout(300_000);
const enc = encodeURIComponent;

type Actor = Awaited<ReturnType<typeof person>>;

const acts = ['say', 'topic', 'name', 'kick', 'ban', 'unban', 'promote', 'demote', 'join'] as const;

const step = fc.record({
  kind: fc.constantFrom(...acts),
  actor: fc.nat({ max: 5 }),
  target: fc.integer({ min: 1, max: 5 }),
});

/** A time in which one server is cut off from the two others, or none is. */
const period = fc.record({
  alone: fc.option(fc.nat({ max: 2 })),
  steps: fc.array(step, { minLength: 3, maxLength: 10 }),
});

const plan = fc.record({
  version: fc.constantFrom('10', '11', '12'),
  periods: fc.array(period, { minLength: 1, maxLength: 3 }),
});

let runs = 0;

const openRoom = async (version: string) => {
  runs += 1;
  const people: Actor[] = [];
  for (const server of servers) {
    for (const role of ['first', 'second']) people.push(await person(server, `${role}-${runs}`));
  }
  const [creator, ...others] = people;
  if (!creator) throw new Error('nobody');
  const roomId = await creator.createRoom({ preset: 'public_chat', room_version: version });
  for (const other of others) await other.join(roomId, creator.server);
  const levels = await creator.insist('GET', `/rooms/${enc(roomId)}/state/m.room.power_levels`);
  const firsts = people.filter((one, index) => index % 2 === 0 && one !== creator);
  const users = { ...levels.users, ...Object.fromEntries(firsts.map((one) => [one.userId, 50])) };
  await creator.setState(roomId, 'm.room.power_levels', { ...levels, users });
  return { roomId, people };
};

/** Does what is asked where the room allows it; the answers that refuse are part of the game. */
const act = async (
  { roomId, people }: Awaited<ReturnType<typeof openRoom>>,
  who: Actor | undefined,
  { kind, target }: { readonly kind: (typeof acts)[number]; readonly target: number },
): Promise<void> => {
  const whom = people[target];
  if (!who || !whom) return;
  const path = `/rooms/${enc(roomId)}`;
  const text = `${kind} ${Math.random()}`;
  switch (kind) {
    case 'say':
      await who.request('PUT', `${path}/send/m.room.message/${text}`, {
        msgtype: 'm.text',
        body: text,
      });
      return;
    case 'topic':
    case 'name':
      await who.request('PUT', `${path}/state/m.room.${kind}/`, { [kind]: text });
      return;
    case 'promote':
    case 'demote': {
      const { body } = await who.request('GET', `${path}/state/m.room.power_levels`);
      const level = kind === 'promote' ? 50 : 0;
      const users = { ...body.users, [whom.userId]: level };
      await who.request('PUT', `${path}/state/m.room.power_levels/`, { ...body, users });
      return;
    }
    case 'join':
      await who.request('POST', `/join/${enc(roomId)}`, {});
      return;
    default:
      await who.request('POST', `${path}/${kind}`, { user_id: whom.userId });
  }
};

const stateIn = async (server: (typeof servers)[number], roomId: string): Promise<string> => {
  const room = await server.context.rooms.get(roomId);
  return JSON.stringify(
    [...(room?.state ?? [])].map(([key, { eventId }]) => [key, eventId]).sort(),
  );
};

/**
 * A server whose last user was kicked no longer listens, also where the others' state undoes the kick: it takes a join to
 * hear of that. Whom the first server still counts joins again.
 */
const comeBack = async ({
  roomId,
  people,
}: Awaited<ReturnType<typeof openRoom>>): Promise<void> => {
  const counted = (await servers[0].context.rooms.get(roomId))?.joined;
  for (const one of people) {
    const own = await one.server.context.rooms.get(roomId);
    if (counted?.has(one.userId) && own?.servers.has(one.server.serverName) === false)
      await one.insist('POST', `/join/${enc(roomId)}?via=${enc(servers[0].serverName)}`, {});
  }
};

/** The creator stays, so the first server always is in the room; the others count while they have somebody there. */
const agree = async (roomId: string): Promise<boolean> => {
  const inRoom: (typeof servers)[number][] = [];
  for (const server of servers) {
    if ((await servers[0].context.rooms.get(roomId))?.servers.has(server.serverName))
      inRoom.push(server);
  }
  const states = await Promise.all(inRoom.map((server) => stateIn(server, roomId)));
  return states.every((state) => state === states[0]);
};

t.test('whatever happens on the sides of splits, all servers end with one state', async (t) => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ version, periods }) => {
      const room = await openRoom(version);
      for (const { alone, steps } of periods) {
        const [cut, rest] = [
          servers.filter((_, index) => index === alone),
          servers.filter((_, index) => index !== alone),
        ];
        const heal = splitNetwork(cut, rest);
        for (const one of steps) await act(room, room.people[one.actor], one);
        heal();
      }
      let asked = 0;
      await until(async () => {
        // What one server has and others left aside, or never heard of, comes together with the next events.
        if (asked % 50 === 0) {
          for (const one of room.people) await act(room, one, { kind: 'say', target: 1 });
          await comeBack(room);
        }
        asked += 1;
        return agree(room.roomId);
      });
    }),
    { numRuns: 12, endOnFailure: true },
  );
  t.ok(runs >= 12);
});
