import { stateKeyOf } from '@candor/federation';
import type { Context } from '../context.ts';
import type { RoomOfUser } from '../storage/rooms-of-user.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

/** What a user was in a room at a stream position, by the row that says what the user is now. */
export const membershipAt = async (
  { rooms }: Pick<Context, 'rooms'>,
  userId: string,
  row: RoomOfUser,
  position: StreamPosition,
): Promise<string> => {
  if (row.since <= position) return row.membership;
  const keyNid = (await rooms.stateKeys.intern([stateKeyOf('m.room.member', userId)]))
    .values()
    .next().value;
  let stored = await rooms.events.loadOne(row.eventId);
  while (stored && keyNid !== undefined && (stored.position ?? stored.eventNid) > position) {
    if (stored.snapshotNid === null) return 'leave';
    const states = await rooms.snapshots.look([stored.snapshotNid], [keyNid]);
    const nid = states.get(stored.snapshotNid)?.get(keyNid);
    stored = nid === undefined ? undefined : (await rooms.events.loadByNid([nid])).get(nid);
  }
  const membership = stored?.event.content['membership'];
  return typeof membership === 'string' ? membership : 'leave';
};
