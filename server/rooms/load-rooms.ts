import { type RoomEvent, roomVersionRules, type StateKey } from '@candor/federation';
import { limits } from '@candor/spec';
import type { Db } from '../storage/database.ts';
import { readJoinedUsers } from '../storage/memberships.ts';
import type { SnapshotHead } from '../storage/next-snapshot.ts';
import {
  type RoomHead,
  readCurrentStates,
  readRoomHeads,
  readStateSizes,
  readWaitingRedactions,
} from '../storage/room-state.ts';
import { tellSpoiledRow } from '../storage/spoiled-rows.ts';
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

/** Rooms that are read at once: many small ones, or a large one for itself. */
const partsOf = (
  heads: readonly RoomHead[],
  sizes: ReadonlyMap<number, number>,
): readonly RoomHead[][] => {
  const parts: RoomHead[][] = [];
  let left = 0;
  for (const head of heads) {
    const size = sizes.get(head.roomNid) ?? 0;
    if (left < size || parts.length === 0) {
      parts.push([]);
      left = limits.stateEntriesPerReadMax;
    }
    left -= size;
    parts.at(-1)?.push(head);
  }
  return parts;
};

const readPart = async (
  { db, serverName, events, snapshots }: RoomSources,
  heads: readonly RoomHead[],
): Promise<Room[]> => {
  const nids = heads.map(({ roomNid }) => roomNid);
  const [states, joined, waiting, stored] = await Promise.all([
    readCurrentStates(db, nids),
    readJoinedUsers(db, nids),
    readWaitingRedactions(db, nids),
    Promise.all(
      heads.map(({ snapshotNid: nid }) => (nid === null ? undefined : snapshots.load(nid))),
    ),
  ]);
  const settingIds = [...states.values()].flatMap((state) =>
    [...state].flatMap(([key, { eventId }]) => (isRoomSetting(key) ? [eventId] : [])),
  );
  const loaded = await events.load([...settingIds, ...heads.flatMap((head) => head.extremities)]);
  return heads.flatMap((head, index) => {
    const { roomId, roomNid, version, extremities, gaps } = head;
    const rules = roomVersionRules(version);
    if (!rules) {
      tellSpoiledRow({ table: 'rooms', row: roomId });
      return [];
    }
    const state = states.get(roomNid) ?? new Map();
    const settings = new Map<StateKey, RoomEvent>();
    for (const [key, { eventId }] of state) {
      if (!isRoomSetting(key)) continue;
      const setting = loaded.get(eventId);
      // Without its power levels, say, a room would be open to everybody.
      if (!setting) return [];
      settings.set(key, setting.event);
    }
    const depths = extremities.map((eventId) => loaded.get(eventId)?.event.depth ?? 0);
    const snapshot = stored[index];
    return [
      new Room({
        roomId,
        roomNid,
        rules,
        serverName,
        extremities,
        depth: Math.max(0, ...depths),
        head: snapshot && headOf(snapshot),
        state,
        settings,
        joined: joined.get(roomNid) ?? [],
        waitingRedactions: waiting.get(roomNid) ?? new Map(),
        gaps,
      }),
    ];
  });
};

/**
 * Reads rooms as they are on disk, in the order asked for; undefined where this server has never heard of one, or
 * cannot read what decides who may do what in it.
 */
export const loadRooms = async (
  sources: RoomSources,
  roomIds: readonly string[],
): Promise<readonly (Room | undefined)[]> => {
  const heads = await readRoomHeads(sources.db, roomIds);
  const sizes = await readStateSizes(
    sources.db,
    heads.map(({ roomNid }) => roomNid),
  );
  const rooms = new Map<string, Room>();
  for (const part of partsOf(heads, sizes)) {
    for (const room of await readPart(sources, part)) rooms.set(room.roomId, room);
  }
  return roomIds.map((roomId) => rooms.get(roomId));
};
