import { type RoomEvent, roomVersionRules, type StateKey } from '@candor/federation';
import type { Db } from '../storage/database.ts';
import { readJoinedUsers } from '../storage/memberships.ts';
import type { SnapshotHead } from '../storage/next-snapshot.ts';
import { readCurrentState, readRoomHead, readWaitingRedactions } from '../storage/room-state.ts';
import type { LoadedSnapshot, Snapshots } from '../storage/state-snapshots.ts';
import type { EventCache } from './event-cache.ts';
import { isRoomSetting, Room } from './room.ts';

export type RoomSources = {
  readonly db: Db;
  readonly serverName: string;
  readonly events: EventCache;
  readonly snapshots: Snapshots;
};

/** A head of its own to go on from: the snapshot itself never changes. */
const headOf = ({ entries: _entries, ...head }: LoadedSnapshot): SnapshotHead => ({
  ...head,
  sinceBase: new Map(head.sinceBase),
});

/** Reads a room as it is on disk; undefined when this server has never heard of it. */
export const loadRoom = async (sources: RoomSources, roomId: string): Promise<Room | undefined> => {
  const { db, serverName, events, snapshots } = sources;
  const row = await readRoomHead(db, roomId);
  if (!row) return undefined;
  const rules = roomVersionRules(row.version);
  if (!rules) throw new Error(`a room of unknown version ${row.version} is stored`);
  const [state, joined, waitingRedactions, snapshot] = await Promise.all([
    readCurrentState(db, row.roomNid),
    readJoinedUsers(db, row.roomNid),
    readWaitingRedactions(db, row.roomNid),
    row.snapshotNid === null ? undefined : snapshots.load(row.snapshotNid),
  ]);
  const settingIds = state.flatMap(([key, { eventId }]) => (isRoomSetting(key) ? [eventId] : []));
  const loaded = await events.load([...settingIds, ...row.extremities]);
  const settings = new Map<StateKey, RoomEvent>();
  for (const [key, { eventId }] of state) {
    const stored = isRoomSetting(key) ? loaded.get(eventId) : undefined;
    if (stored) settings.set(key, stored.event);
  }
  const depths = row.extremities.map((eventId) => loaded.get(eventId)?.event.depth ?? 0);
  return new Room({
    roomId,
    roomNid: row.roomNid,
    rules,
    serverName,
    extremities: row.extremities,
    depth: Math.max(0, ...depths),
    head: snapshot && headOf(snapshot),
    state: new Map(state),
    settings,
    joined,
    waitingRedactions,
  });
};
