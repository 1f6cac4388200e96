import type { RoomVersionRules } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import { commitSteps } from '../commit-steps.ts';
import type { Room } from '../room.ts';
import type { RemoteContext } from './remote-context.ts';

/** The room, made known when this server has never heard of it: nobody is in it yet. Throws M_BAD_STATE when it is known under another version. */
export const knownRoom = (
  context: RemoteContext,
  roomId: string,
  rules: RoomVersionRules,
): Promise<Room> =>
  context.rooms.arrivals.run(roomId, async () => {
    const { rooms } = context;
    const known = await rooms.get(roomId);
    if (known && known.rules.version !== rules.version) {
      throw new MatrixError('M_BAD_STATE', 'the room is known with another version');
    }
    if (known) return known;
    const room = await rooms.create(roomId, rules);
    const written = commitSteps(context, room, [], { isNewRoom: true });
    rooms.admit(room);
    await written;
    return room;
  });
