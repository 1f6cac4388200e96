import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

/** How many of a user's member events are looked at. */
const memberEventsMax = 50;

/** The event that last ended a user's being joined; undefined for a user who is joined, or never was. */
export const lastDeparture = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  room: Room,
  userId: string,
): Promise<StoredEvent | undefined> => {
  const entry = room.joined.has(userId) ? undefined : room.memberEntry(userId);
  if (!entry) return undefined;
  let member = await rooms.events.loadOne(entry.eventId);
  for (let count = 0; member && count < memberEventsMax; count += 1) {
    if (member.snapshotNid === null) return undefined;
    const states = await rooms.snapshots.look([member.snapshotNid], [entry.keyNid]);
    const nid = states.get(member.snapshotNid)?.get(entry.keyNid);
    const earlier = nid === undefined ? undefined : (await rooms.events.loadByNid([nid])).get(nid);
    if (earlier?.event.content['membership'] === 'join') return member;
    member = earlier;
  }
  return undefined;
};
