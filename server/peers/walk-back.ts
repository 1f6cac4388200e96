import type { Context } from '../context.ts';
import type { Room } from '../rooms/room.ts';
import type { StoredEvent } from '../storage/stored-event.ts';

export type WalkBack = {
  readonly room: Room;
  readonly from: readonly string[];
  readonly limit: number;
  /** Where the walk turns back: events that the asking server has. */
  readonly except?: readonly string[];
  readonly minDepth?: number | undefined;
};

/** Events of the room's graph from some of them on backwards, the deepest first; rejected ones are passed over. */
// https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
export const walkBack = async (
  { rooms }: Pick<Context, 'rooms'>,
  { room, from, limit, except = [], minDepth = 0 }: WalkBack,
): Promise<readonly StoredEvent[]> => {
  const seen = new Set(except);
  const open: StoredEvent[] = [];
  const found: StoredEvent[] = [];
  const add = async (eventIds: readonly string[]): Promise<void> => {
    const unseen = eventIds.filter((eventId) => !seen.has(eventId));
    for (const stored of (await rooms.events.load(unseen)).values()) {
      seen.add(stored.event.eventId);
      const isPlaced = !stored.isOutlier && stored.roomNid === room.roomNid;
      if (isPlaced && stored.event.depth >= minDepth) open.push(stored);
    }
    open.sort((one, other) => one.event.depth - other.event.depth);
  };
  await add(from);
  for (let next = open.pop(); next && found.length < limit; next = open.pop()) {
    if (next.rejectedFor === null) found.push(next);
    await add(next.event.prevEvents);
  }
  return found;
};
