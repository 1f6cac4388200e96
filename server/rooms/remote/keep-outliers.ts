import { type RoomEvent, stateKeyOf } from '@candor/federation';
import { DatabaseUnavailable } from '../../storage/database-unavailable.ts';
import type { EventRow } from '../../storage/persist-item.ts';
import type { StoredEvent } from '../../storage/stored-event.ts';
import type { Step, StepContext } from '../place-event.ts';
import type { Room } from '../room.ts';

/** An event beside the graph, with the verdict on it where there is one. */
export type Outlier = {
  readonly event: RoomEvent;
  /** Why it is rejected, null when it is not; nothing where nobody here can judge it. */
  readonly rejectedFor?: string | null;
  /** Of the row that it has already, unjudged. */
  readonly unjudgedNid?: number | undefined;
};

/**
 * Puts events outside the room's graph: state and auth chains that others told us of. They must be new here, or
 * unjudged until now. Only the room's writer calls it; the answer goes to `commitSteps`.
 */
export const keepOutliers = async (
  { db, rooms, now }: StepContext,
  room: Room,
  outliers: readonly Outlier[],
): Promise<Step> => {
  const keys = outliers.flatMap(({ event: { type, stateKey } }) =>
    stateKey === undefined ? [] : [stateKeyOf(type, stateKey)],
  );
  const keyNids = await rooms.stateKeys.intern(keys);
  if (room.isStale) throw new DatabaseUnavailable('a write before this one failed');
  const receivedAt = now();
  const held: StoredEvent[] = [];
  const events: EventRow[] = [];
  const placed: EventRow[] = [];
  const positions: number[] = [];
  for (const { event, rejectedFor, unjudgedNid } of outliers) {
    const { type, stateKey, eventId, depth, pdu } = event;
    const ownNid = unjudgedNid ?? rooms.events.spoiledNid(eventId);
    const stored: StoredEvent = {
      event,
      eventNid: ownNid ?? db.clock.next(),
      roomNid: room.roomNid,
      position: null,
      snapshotNid: null,
      isOutlier: true,
      isSoftFailed: rejectedFor === undefined,
      rejectedFor: rejectedFor ?? null,
      redactedBy: null,
      receivedAt,
    };
    const keyNid = stateKey === undefined ? null : keyNids.get(stateKeyOf(type, stateKey));
    const json = JSON.stringify(pdu);
    const row = { ...stored, eventId, depth, stateKeyNid: keyNid ?? null, json };
    if (ownNid === undefined) events.push(row);
    else placed.push(row);
    if (ownNid === undefined) positions.push(stored.eventNid);
    rooms.events.holdUnwritten(stored);
    held.push(stored);
  }
  return { position: positions.at(-1) ?? 0, held, item: { events, placed, positions } };
};
