import { limits } from '@candor/spec';
import { stateHashBytes } from './state-hash.ts';

/** The newest snapshot of a line of them: what the next one is told from. */
export type SnapshotHead = {
  readonly nid: number;
  readonly hash: bigint;
  /** Steps to the full copy. */
  readonly hops: number;
  readonly baseNid: number;
  /** What differs from the full copy: key to event, zero where the key is gone. Handed on to the next head. */
  readonly sinceBase: Map<number, number>;
};

/** A row of `state_snapshots`. */
export type SnapshotRow = {
  readonly snapshotNid: number;
  readonly roomNid: number;
  readonly parentNid: number | null;
  readonly hops: number;
  readonly hash: Buffer;
  readonly keyNids: readonly number[];
  readonly eventNids: readonly number[];
};

export type SnapshotChange = {
  readonly roomNid: number;
  readonly nid: number;
  /** Hash of the whole set after the change. */
  readonly hash: bigint;
  /** Key to event, zero where the key goes. */
  readonly delta: ReadonlyMap<number, number>;
  /** The whole set after the change. */
  readonly entries: () => Iterable<readonly [keyNid: number, eventNid: number]>;
  readonly size: number;
};

/** A difference from the full copy is written in its place while it is at most this part of it. */
const mergedShareMax = 1 / 4;

/**
 * The row of the state set after `change`, and the head to go on from. Usually a difference from `head`; when the
 * line is as long as it may be, a difference from its full copy, or a new full copy when too much has changed.
 * `head` is used up: the new one goes on with its `sinceBase`.
 */
export const nextSnapshot = (
  head: SnapshotHead | undefined,
  change: SnapshotChange,
): { readonly row: SnapshotRow; readonly head: SnapshotHead } => {
  const { roomNid, nid, hash, delta } = change;
  const sinceBase = head?.sinceBase ?? new Map<number, number>();
  for (const [key, event] of delta) sinceBase.set(key, event);
  const place = (
    parentNid: number | null,
    hops: number,
    entries: Iterable<readonly [number, number]>,
  ) => {
    const keyNids: number[] = [];
    const eventNids: number[] = [];
    for (const [key, event] of entries) {
      keyNids.push(key);
      eventNids.push(event);
    }
    return {
      row: {
        snapshotNid: nid,
        roomNid,
        parentNid,
        hops,
        hash: stateHashBytes(hash),
        keyNids,
        eventNids,
      },
      head: {
        nid,
        hash,
        hops,
        baseNid: hops === 0 ? nid : (head?.baseNid ?? nid),
        sinceBase: hops === 0 ? new Map<number, number>() : sinceBase,
      },
    };
  };
  if (head && head.hops < limits.stateHopsMax && delta.size <= Math.max(8, change.size / 2)) {
    return place(head.nid, head.hops + 1, delta);
  }
  if (head && sinceBase.size <= change.size * mergedShareMax)
    return place(head.baseNid, 1, sinceBase);
  return place(null, 0, change.entries());
};
