import type { RoomVersionRules } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import { commitSteps } from '../commit-steps.ts';
import type { Room } from '../room.ts';
import type { RemoteContext } from './remote-context.ts';

/** Nobody has vouched for a version before this server was in the room: an invitation may have lied about it. */
const withRules = (
  context: RemoteContext,
  roomId: string,
  rules: RoomVersionRules,
): Promise<Room> =>
  context.rooms.write(roomId, async (known) => {
    if (known.rules.version === rules.version) return known;
    if (known.state.size > 0 || known.extremities.length > 0) {
      throw new MatrixError('M_BAD_STATE', 'the room is known with another version');
    }
    const { rooms } = context;
    const room = await rooms.create(roomId, rules, known.roomNid);
    rooms.abandon(known);
    const written = commitSteps(context, room, []);
    rooms.admit(room);
    await written;
    return room;
  });

/** The room, made known when this server has never heard of it: nobody is in it yet. Throws M_BAD_STATE when it is known under another version. */
export const knownRoom = (
  context: RemoteContext,
  roomId: string,
  rules: RoomVersionRules,
): Promise<Room> =>
  context.rooms.arrivals.run(roomId, async () => {
    const { rooms } = context;
    const known = await rooms.get(roomId);
    if (known)
      return known.rules.version === rules.version ? known : withRules(context, roomId, rules);
    const room = await rooms.create(roomId, rules);
    const written = commitSteps(context, room, [], { isNewRoom: true });
    rooms.admit(room);
    await written;
    return room;
  });
