import { type RoomEvent, readStateKey, type StateKey } from '@candor/federation';
import { isUserId, serverNameOf } from '@candor/spec';
import { nextSnapshot } from '../storage/next-snapshot.ts';
import type { MembershipRow, MovedEntry, PersistItem } from '../storage/persist-item.ts';
import type { CurrentEntry } from '../storage/room-state.ts';
import { changeStateHash } from '../storage/state-hash.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import type { Room } from './room.ts';

/** One entry of the current state becomes another event, or goes. */
export type StateChange = {
  readonly key: StateKey;
  readonly keyNid: number;
  /** `own` is the event that moves the state. */
  readonly to?: StoredState | 'own';
};

export type StoredState = { readonly eventNid: number; readonly event: RoomEvent };

export type StateMove = {
  readonly serverName: string;
  /** For the snapshot of the state after the changes. */
  readonly snapshotNid: number;
  readonly position: StreamPosition;
  /** JSON for a local user who is invited or knocks with this move. */
  readonly strippedState: string | null;
  readonly own: StoredState;
  /** Of the state after the changes, where it is known. */
  readonly nextHash?: bigint | undefined;
};

const membershipRow = (
  room: Room,
  userId: string,
  event: RoomEvent | undefined,
  move: StateMove,
): MembershipRow => {
  const said = event?.content['membership'];
  const membership = typeof said === 'string' ? said : 'leave';
  return {
    roomNid: room.roomNid,
    userId,
    membership,
    eventId: event?.eventId ?? '',
    sender: event?.sender ?? userId,
    position: move.position,
    isLocal: serverNameOf(userId) === move.serverName,
    strippedState: membership === 'invite' || membership === 'knock' ? move.strippedState : null,
  };
};

/** Changes the room's current state in memory; returns what is to be written about it. */
export const moveState = (
  room: Room,
  changes: readonly StateChange[],
  move: StateMove,
): Pick<PersistItem, 'snapshots' | 'stateDelta' | 'memberships'> => {
  const { position } = move;
  const delta = new Map<number, number>();
  const stateDelta = new Map<number, MovedEntry>();
  const memberships: MembershipRow[] = [];
  let hash = move.nextHash ?? room.head?.hash ?? 0n;
  for (const { key, keyNid, to: target } of changes) {
    const to = target === 'own' ? move.own : target;
    if (move.nextHash === undefined) {
      hash = changeStateHash(hash, room.state.get(key)?.eventId, to?.event.eventId);
    }
    const eventNid = to?.eventNid ?? 0;
    delta.set(keyNid, eventNid);
    stateDelta.set(keyNid, { eventNid, position });
    const entry: CurrentEntry | undefined = to && {
      keyNid,
      eventNid: to.eventNid,
      eventId: to.event.eventId,
      since: position,
    };
    room.setState(key, entry, to?.event);
    const [type, userId] = to ? [to.event.type, to.event.stateKey ?? ''] : readStateKey(key);
    // Other servers may send member events of what is no user.
    if (type !== 'm.room.member' || !isUserId(userId)) continue;
    const row = membershipRow(room, userId, to?.event, move);
    room.setJoined(userId, row.membership === 'join');
    memberships.push(row);
  }
  const { row, head } = nextSnapshot(room.head, {
    roomNid: room.roomNid,
    nid: move.snapshotNid,
    hash,
    delta,
    entries: () => [...room.state.values()].map((entry) => [entry.keyNid, entry.eventNid] as const),
    size: room.state.size,
  });
  room.head = head;
  return { snapshots: [row], stateDelta, memberships };
};
