import { stateKeyOf } from '@candor/federation';
import { DatabaseUnavailable } from '../../storage/database-unavailable.ts';
import type { EventRow } from '../../storage/persist-item.ts';
import type { StoredEvent } from '../../storage/stored-event.ts';
import type { Step, StepContext } from '../place-event.ts';
import type { Room } from '../room.ts';
import type { JudgedEvent } from './judge-auth-events.ts';

/**
 * Puts events outside the room's graph: state and auth chains that others told us of. They must be new here. Only the
 * room's writer calls it; the answer goes to `commitSteps`.
 */
export const keepOutliers = async (
  { db, rooms, now }: StepContext,
  room: Room,
  judged: readonly JudgedEvent[],
): Promise<Step> => {
  const keys = judged.flatMap(({ event: { type, stateKey } }) =>
    stateKey === undefined ? [] : [stateKeyOf(type, stateKey)],
  );
  const keyNids = await rooms.stateKeys.intern(keys);
  if (room.isStale) throw new DatabaseUnavailable('a write before this one failed');
  const receivedAt = now();
  const held: StoredEvent[] = [];
  const events: EventRow[] = [];
  for (const { event, rejectedFor } of judged) {
    const { type, stateKey, eventId, depth, pdu } = event;
    const stored: StoredEvent = {
      event,
      eventNid: db.clock.next(),
      roomNid: room.roomNid,
      position: null,
      snapshotNid: null,
      isOutlier: true,
      isSoftFailed: false,
      rejectedFor,
      redactedBy: null,
      receivedAt,
    };
    const keyNid = stateKey === undefined ? null : keyNids.get(stateKeyOf(type, stateKey));
    const json = JSON.stringify(pdu);
    events.push({ ...stored, eventId, depth, stateKeyNid: keyNid ?? null, json });
    rooms.events.holdUnwritten(stored);
    held.push(stored);
  }
  const positions = held.map((stored) => stored.eventNid);
  return { position: positions.at(-1) ?? 0, held, item: { events, positions } };
};
