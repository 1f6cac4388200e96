import { nextSnapshot, type SnapshotHead, type SnapshotRow } from '../storage/next-snapshot.ts';
import { changeStateHash } from '../storage/state-hash.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

/** A whole room state as integers: key to event. */
export type StateSet = {
  readonly entries: ReadonlyMap<number, number>;
  readonly hash: bigint;
  /** A stored snapshot near it, and what differs from that; equal to it when nothing does. */
  readonly near: SnapshotHead | undefined;
  readonly delta: ReadonlyMap<number, number>;
};

/** The state just after a stored event. */
export const stateSetAfter = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  stored: StoredEvent,
): Promise<StateSet> => {
  const { event, eventNid, snapshotNid, rejectedFor } = stored;
  const before = snapshotNid === null ? undefined : await rooms.snapshots.load(snapshotNid);
  const set: StateSet = {
    entries: before?.entries ?? new Map(),
    hash: before?.hash ?? 0n,
    near: before,
    delta: new Map(),
  };
  if (event.stateKey === undefined || rejectedFor !== null) return set;
  const keyNid = await rooms.stateKeys.internOne(event.type, event.stateKey);
  const replaced = set.entries.get(keyNid);
  const old = replaced && (await rooms.events.loadByNid([replaced])).get(replaced);
  return {
    entries: new Map(set.entries).set(keyNid, eventNid),
    hash: changeStateHash(set.hash, old ? old.event.eventId : undefined, event.eventId),
    near: before,
    delta: new Map([[keyNid, eventNid]]),
  };
};

/** Where a state set is stored, or the row that will store it. */
export const placeStateSet = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  room: Room,
  set: StateSet,
): Promise<{ readonly head: SnapshotHead | undefined; readonly row?: SnapshotRow }> => {
  if (set.entries.size === 0) return { head: undefined };
  if (set.near && set.delta.size === 0) return { head: ownHead(set.near) };
  const stored = await rooms.snapshots.find(room.roomNid, set.hash, set.entries);
  if (stored) return { head: ownHead(stored) };
  return nextSnapshot(set.near && ownHead(set.near), {
    roomNid: room.roomNid,
    nid: await rooms.snapshotNids.take(),
    hash: set.hash,
    delta: set.delta,
    entries: () => set.entries,
    size: set.entries.size,
  });
};

/** A head to go on from; the snapshot it was read from never changes. */
const ownHead = ({ nid, hash, hops, baseNid, sinceBase }: SnapshotHead): SnapshotHead => ({
  nid,
  hash,
  hops,
  baseNid,
  sinceBase: new Map(sinceBase),
});
