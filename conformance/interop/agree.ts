import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'tap';
import type { Person } from './person.ts';
import { waitUntil } from './wait-until.ts';

/** More events than any story has. */
const historyMax = 200;

const roomAs = async (person: Person, roomId: string, except: readonly string[]) => {
  const state = await person.state(roomId);
  const all = await person.timeline(roomId, historyMax);
  const history = all.filter(({ event_id: id }) => !except.includes(id));
  return {
    state: Object.fromEntries(
      state.map(({ type, state_key: key, event_id, content }) => [
        `${type} ${key}`,
        { event_id, content },
      ]),
    ),
    // Servers may put the sides of a fork in different orders.
    history: Object.fromEntries(
      history.map(({ event_id, type, sender, content }) => [event_id, { type, sender, content }]),
    ),
  };
};

/**
 * Waits until the servers of both show the same state and history of a room, and shows the difference when they never
 * do. `except` holds events that a server may hide: those that it soft-failed.
 */
export const agree = async (
  t: Test,
  roomId: string,
  [one, other]: readonly [Person, Person],
  except: readonly string[] = [],
) => {
  const both = async () =>
    [await roomAs(one, roomId, except), await roomAs(other, roomId, except)] as const;
  const [mine, theirs] = await waitUntil('the same room on both servers', async () => {
    const rooms = await both();
    return isDeepStrictEqual(rooms[0], rooms[1]) ? rooms : undefined;
  }).catch(both);
  t.ok('m.room.create ' in mine.state, 'there is a state');
  t.same(mine, theirs, 'both servers show the same state and history');
};
