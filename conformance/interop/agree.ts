import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'tap';
import type { Person } from './person.ts';
import { waitUntil } from './wait-until.ts';

const stateAs = async (person: Person, roomId: string) =>
  Object.fromEntries(
    (await person.state(roomId)).map(({ type, state_key: key, event_id, content }) => [
      `${type} ${key}`,
      { event_id, content },
    ]),
  );

/** Waits until the servers of both show the same state of a room, and shows the difference when they never do. */
export const agree = async (t: Test, roomId: string, [one, other]: readonly [Person, Person]) => {
  const both = async () => [await stateAs(one, roomId), await stateAs(other, roomId)] as const;
  const [mine, theirs] = await waitUntil('the same state on both servers', async () => {
    const states = await both();
    return isDeepStrictEqual(states[0], states[1]) ? states : undefined;
  }).catch(both);
  t.ok('m.room.create ' in mine, 'there is a state');
  t.same(mine, theirs, 'both servers have the same state');
};
