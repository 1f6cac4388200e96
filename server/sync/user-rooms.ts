import { readStateKey } from '@candor/federation';
import { limits } from '@candor/spec';
import type { Change, Notifier } from '../notifier.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Db } from '../storage/database.ts';
import { type RoomOfUser, readMembershipsOfUser } from '../storage/rooms-of-user.ts';

type RoomsById = ReadonlyMap<string, RoomOfUser>;

type Held = {
  rooms: RoomsById | undefined;
  /** Rooms whose row has changed since it was read. */
  readonly changed: Set<string>;
  reading: Promise<RoomsById> | undefined;
};

/** The local users whose membership a change may have moved. */
const membersMoved = function* (change: Change): Iterable<string> {
  if (change.kind === 'membership') yield change.userId;
  if (change.kind !== 'event') return;
  const { event, moved } = change;
  if (event.type === 'm.room.member' && event.stateKey !== undefined) yield event.stateKey;
  if (moved === undefined || moved === 'many') return;
  for (const { key } of moved) {
    const [type, userId] = readStateKey(key);
    if (type === 'm.room.member') yield userId;
  }
};

/** The rooms of users who sync, read once and then kept up with by what is told. */
export class UserRooms {
  readonly #db: Db;
  readonly #held = recentlyUsed<string, Held>(limits.syncUsersInMemoryMax);
  readonly #stopListening: () => void;

  constructor(db: Db, notifier: Notifier) {
    this.#db = db;
    this.#stopListening = notifier.listen(({ change }) => {
      if (change.kind !== 'event' && change.kind !== 'membership') return;
      // A resolution that moved very much is rare: everybody is read anew.
      if (change.kind === 'event' && change.moved === 'many') this.#held.clear();
      for (const userId of membersMoved(change)) {
        this.#held.peek(userId)?.changed.add(change.roomId);
      }
    });
  }

  /** By room id; at least as new as everything told before the call, perhaps newer. The map never changes. */
  async of(userId: string): Promise<RoomsById> {
    let held = this.#held.get(userId);
    if (!held) {
      held = { rooms: undefined, changed: new Set(), reading: undefined };
      this.#held.set(userId, held);
    }
    // While somebody reads, what is held lacks what has just changed.
    while (!held.rooms || held.changed.size > 0 || held.reading !== undefined) {
      held.reading ??= this.#read(userId, held);
      await held.reading;
    }
    return held.rooms;
  }

  close(): void {
    this.#stopListening();
  }

  async #read(userId: string, held: Held): Promise<RoomsById> {
    const changed = [...held.changed];
    held.changed.clear();
    try {
      const rows = await readMembershipsOfUser(this.#db, userId, held.rooms && changed);
      const rooms = new Map(held.rooms);
      for (const row of rows) rooms.set(row.roomId, row);
      held.rooms = rooms;
      return rooms;
    } catch (error) {
      for (const roomId of changed) held.changed.add(roomId);
      throw error;
    } finally {
      held.reading = undefined;
    }
  }
}
