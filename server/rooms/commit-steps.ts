import type { PersistItem } from '../storage/persist-item.ts';
import type { Step, StepContext } from './place-event.ts';
import type { Room } from './room.ts';

export type CommitOptions = {
  readonly isNewRoom?: boolean;
  readonly transaction?: PersistItem['transaction'];
};

/** Several steps of one room as one item: written together or not at all. */
const joinItems = (steps: readonly Step[]): Step['item'] => {
  const [first] = steps;
  if (first && steps.length === 1) return first.item;
  const items = steps.map((step) => step.item);
  return {
    events: items.flatMap((item) => item.events),
    placed: items.flatMap((item) => item.placed ?? []),
    snapshots: items.flatMap((item) => item.snapshots ?? []),
    stateDelta: new Map(items.flatMap((item) => [...(item.stateDelta ?? [])])),
    memberships: items.flatMap((item) => item.memberships ?? []),
    relations: items.flatMap((item) => item.relations ?? []),
    redactions: items.flatMap((item) => item.redactions ?? []),
    waitingRedactions: items.flatMap((item) => item.waitingRedactions ?? []),
    missing: items.flatMap((item) => item.missing ?? []),
    found: items.flatMap((item) => item.found ?? []),
    gaps: items.flatMap((item) => item.gaps ?? []),
    outbox: items.flatMap((item) => item.outbox ?? []),
    positions: items.flatMap((item) => item.positions),
  };
};

/** Queues what the steps changed in memory; resolves when it is on disk, rejects when it was lost. Never waits before it has queued. */
export const commitSteps = async (
  { rooms }: StepContext,
  room: Room,
  steps: readonly Step[],
  { isNewRoom, transaction }: CommitOptions = {},
): Promise<void> => {
  const held = steps.flatMap((step) => step.held);
  room.busy += 1;
  const written = rooms.queue.persist({
    ...joinItems(steps),
    room: {
      roomNid: room.roomNid,
      roomId: room.roomId,
      version: room.rules.version,
      extremities: room.extremities,
      snapshotNid: room.head?.nid ?? null,
    },
    ...(isNewRoom && { isNewRoom }),
    ...(transaction && { transaction }),
  });
  rooms.events.trackWrite(held, written);
  try {
    await written;
    rooms.events.release(held, 'written');
  } catch (error) {
    rooms.events.release(held, 'lost');
    throw error;
  } finally {
    room.busy -= 1;
  }
};

/** Gives up steps that were not committed: their positions are free, and the room is read from the disk again. */
export const abandonSteps = (
  { db, rooms }: StepContext,
  room: Room,
  steps: readonly Step[],
): void => {
  rooms.abandon(room);
  for (const step of steps) {
    rooms.events.release(step.held, 'lost');
    db.clock.settle(step.item.positions, 'abandoned');
  }
};
