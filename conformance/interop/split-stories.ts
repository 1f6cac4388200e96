import type { Test } from 'tap';
import { agree } from './agree.ts';
import type { Person } from './person.ts';

type Stoppable = { start(): Promise<void>; stop(): Promise<unknown> };

/** A person of each server; the first one's makes the rooms. */
export type Sides = readonly [Side, Side];
export type Side = {
  readonly name: string;
  readonly server: Stoppable;
  readonly person: Person;
};

const messagesMissed = 25;

const meet = async ([{ person: host }, { person: guest }]: Sides, version: string) => {
  const creators = version === '12' ? {} : { [host.userId]: 100 };
  const roomId = await host.createRoom({
    room_version: version,
    preset: 'private_chat',
    invite: [guest.userId],
    power_level_content_override: { users: { ...creators, [guest.userId]: 50 } },
  });
  await guest.untilSynced('the invite', (sync) => sync.rooms?.invite?.[roomId]);
  await guest.act(roomId, '/join');
  await host.untilMembership(roomId, guest.userId, 'join');
  return roomId;
};

const missMuch = async (t: Test, roomId: string, absent: Side, present: Side) => {
  await absent.server.stop();
  const said: string[] = [];
  for (let turn = 0; turn < messagesMissed; turn += 1) {
    said.push(await present.person.send(roomId, `${turn} while ${absent.name} was away`));
  }
  const name = `Without ${absent.name}`;
  said.push(await present.person.setState(roomId, 'm.room.name', { name }));
  await absent.server.start();
  for (const eventId of said) await absent.person.untilSeen(roomId, eventId);
  await present.person.untilSeen(roomId, await absent.person.send(roomId, 'back again'));
  await agree(t, roomId, [absent.person, present.person]);
};

/** While the other is away the first takes the second's power, which the second uses meanwhile. */
const growApart = async (t: Test, [first, second]: Sides, roomIds: readonly string[]) => {
  await second.server.stop();
  for (const roomId of roomIds) {
    const levels = await first.person.state(roomId);
    const content = levels.find(({ type }) => type === 'm.room.power_levels')?.content;
    const users = { ...(content?.['users'] as object), [second.person.userId]: 0 };
    await first.person.setState(roomId, 'm.room.power_levels', { ...content, users });
    await first.person.setState(roomId, 'm.room.name', { name: 'Ours alone' });
    await first.person.send(roomId, 'nobody hears this yet');
  }
  await first.server.stop();
  await second.server.start();
  const usurped: string[] = [];
  for (const roomId of roomIds) {
    const topic = { topic: 'made without leave' };
    usurped.push(await second.person.setState(roomId, 'm.room.topic', topic));
    await second.person.send(roomId, 'nor this');
  }
  await first.server.start();
  for (const roomId of roomIds) {
    await second.person.untilSeen(roomId, await first.person.send(roomId, 'and now?'));
    await first.person.untilSeen(roomId, await second.person.send(roomId, 'now I hear you'));
    await agree(t, roomId, [first.person, second.person], usurped);
    const state = await first.person.state(roomId);
    t.notOk(
      state.some(({ type }) => type === 'm.room.topic'),
      'what was done without power is undone',
    );
    t.ok(
      (await first.person.timeline(roomId)).every(({ event_id: id }) => !usurped.includes(id)),
      'and soft-failed where the power was known to be gone',
    );
  }
};

/** Servers that are away for a while, alone and in turn, and come back. */
export const tellSplitStories = async (t: Test, sides: Sides): Promise<void> => {
  const [first, second] = sides;
  const roomIds: string[] = [];
  for (const version of ['10', '11', '12']) roomIds.push(await meet(sides, version));
  const [roomId = ''] = roomIds;
  await t.test(`${second.name} was away and catches up`, (t) => missMuch(t, roomId, second, first));
  await t.test(`${first.name} was away and catches up`, (t) => missMuch(t, roomId, first, second));
  await t.test('each was away in turn, and they settle what happened', (t) =>
    growApart(t, sides, roomIds),
  );
};
