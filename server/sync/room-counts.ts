import { limits } from '@candor/spec';
import type { Notifier } from '../notifier.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Room } from '../rooms/room.ts';
import type { Db } from '../storage/database.ts';
import { readTogether } from '../storage/read-together.ts';
import { type RoomCounts, readRoomCounts } from '../storage/rooms-of-user.ts';

/** Counts and heroes of rooms, read once and again when a membership has changed. */
export class CountsOfRooms {
  readonly #read: (roomNid: number) => Promise<RoomCounts | undefined>;
  readonly #known = recentlyUsed<string, RoomCounts>(limits.roomCountsInMemoryMax);
  #changes = 0;
  readonly #stopListening: () => void;

  constructor(db: Db, notifier: Notifier) {
    this.#read = readTogether(async (nids) => {
      const counts = await readRoomCounts(db, nids);
      return nids.map((nid) => counts.get(nid));
    });
    this.#stopListening = notifier.listen(({ change }) => {
      if (change.kind !== 'event') return;
      if (change.event.type !== 'm.room.member' && change.moved === undefined) return;
      this.#changes += 1;
      this.#known.delete(change.roomId);
    });
  }

  async of({ roomId, roomNid }: Pick<Room, 'roomId' | 'roomNid'>): Promise<RoomCounts | undefined> {
    const known = this.#known.get(roomId);
    if (known) return known;
    const changesBefore = this.#changes;
    const counts = await this.#read(roomNid);
    if (counts && changesBefore === this.#changes) this.#known.set(roomId, counts);
    return counts;
  }

  close(): void {
    this.#stopListening();
  }
}
