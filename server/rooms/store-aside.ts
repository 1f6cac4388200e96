import type { RoomEvent } from '@candor/federation';
import { DatabaseUnavailable } from '../storage/database-unavailable.ts';
import type { EventRow } from '../storage/persist-item.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { Step, StepContext } from './place-event.ts';
import { relationOf } from './relation-of.ts';
import type { Room } from './room.ts';
import { placeStateSet, type StateSet } from './state-set.ts';

/** An event that has a place in the graph but does not move the room. */
export type Aside = {
  readonly event: RoomEvent;
  readonly stateBefore: StateSet;
  /** Why it is rejected; null for a backfilled event, which stands in the timeline before all that was there. */
  readonly rejectedFor: string | null;
  readonly isSoftFailed?: boolean;
};

const storeOne = async (context: StepContext, room: Room, aside: Aside): Promise<Step> => {
  const { db, rooms, now } = context;
  const { event, rejectedFor, isSoftFailed = false } = aside;
  const { type, stateKey } = event;
  const before = await placeStateSet(context, room, aside.stateBefore);
  const stateKeyNid =
    stateKey === undefined ? null : await rooms.stateKeys.internOne(type, stateKey);
  const known = await rooms.events.loadOne(event.eventId);
  if (room.isStale) throw new DatabaseUnavailable('a write before this one failed');
  const ownNid = known?.eventNid ?? rooms.events.spoiledNid(event.eventId);
  const eventNid = ownNid ?? db.clock.next();
  const stored: StoredEvent = {
    event,
    eventNid,
    roomNid: room.roomNid,
    position: rejectedFor === null ? -eventNid : null,
    snapshotNid: before.head?.nid ?? null,
    isOutlier: false,
    isSoftFailed,
    rejectedFor,
    redactedBy: null,
    receivedAt: now(),
  };
  rooms.events.holdUnwritten(stored);
  const row: EventRow = {
    ...stored,
    eventId: event.eventId,
    depth: event.depth,
    stateKeyNid,
    json: JSON.stringify(event.pdu),
  };
  const relation = rejectedFor === null && !isSoftFailed ? relationOf(event) : undefined;
  return {
    position: eventNid,
    held: [stored],
    item: {
      events: ownNid === undefined ? [row] : [],
      ...(ownNid !== undefined && { placed: [row] }),
      ...(before.row && { snapshots: [before.row] }),
      ...(relation && { relations: [{ ...relation, eventNid }] }),
      positions: ownNid === undefined ? [eventNid] : [],
    },
  };
};

/**
 * Keeps events that are not here, or only as outliers, where the graph has them: rejected ones, so that what is built on them has a
 * state, and backfilled ones, newest first. Only the room's writer calls it; the answer goes to `commitSteps`.
 */
export const storeAside = async (
  context: StepContext,
  room: Room,
  asides: readonly Aside[],
): Promise<readonly Step[]> => {
  const steps: Step[] = [];
  for (const aside of asides) steps.push(await storeOne(context, room, aside));
  return steps;
};
