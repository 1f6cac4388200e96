import { limits } from '@candor/spec';
import type { Notifier } from '../notifier.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Db } from '../storage/database.ts';
import { type RoomCounts, readRoomCounts } from '../storage/rooms-of-user.ts';

type NamedRoom = { readonly roomId: string; readonly roomNid: number };

/** Counts and heroes of rooms, read once and again when a membership has changed. */
export class CountsOfRooms {
  readonly #db: Db;
  readonly #known = recentlyUsed<string, RoomCounts>(limits.roomCountsInMemoryMax);
  #changes = 0;
  readonly #stopListening: () => void;

  constructor(db: Db, notifier: Notifier) {
    this.#db = db;
    this.#stopListening = notifier.listen(({ change }) => {
      if (change.kind !== 'event') return;
      if (change.event.type !== 'm.room.member' && change.moved === undefined) return;
      this.#changes += 1;
      this.#known.delete(change.roomId);
    });
  }

  /** By room id. */
  async of(rooms: readonly NamedRoom[]): Promise<ReadonlyMap<string, RoomCounts>> {
    const found = new Map<string, RoomCounts>();
    const missing: NamedRoom[] = [];
    for (const room of rooms) {
      const known = this.#known.get(room.roomId);
      if (known) found.set(room.roomId, known);
      else missing.push(room);
    }
    if (missing.length === 0) return found;
    const changesBefore = this.#changes;
    const nids = missing.map(({ roomNid }) => roomNid);
    const read = await readRoomCounts(this.#db, nids);
    for (const { roomId, roomNid } of missing) {
      const counts = read.get(roomNid);
      if (!counts) continue;
      found.set(roomId, counts);
      if (changesBefore === this.#changes) this.#known.set(roomId, counts);
    }
    return found;
  }

  close(): void {
    this.#stopListening();
  }
}
