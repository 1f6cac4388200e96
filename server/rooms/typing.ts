import { limits } from '@candor/spec';
import type { Change } from '../notifier.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Database } from '../storage/database.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

type RoomTyping = {
  /** Of the last change. */
  position: StreamPosition;
  /** Who is writing, and what ends it. */
  readonly users: Map<string, NodeJS.Timeout>;
};

/** Who is writing where. It is nowhere on disk: after a restart nobody is. */
export class Typing {
  readonly #db: Pick<Database, 'clock'>;
  readonly #rooms = recentlyUsed<string, RoomTyping>(limits.typingRoomsInMemoryMax);

  constructor(db: Pick<Database, 'clock'>) {
    this.#db = db;
  }

  /** The user is writing for the next `forMs` milliseconds, or with 0 no longer is. Says whether that is news. */
  set(roomId: string, userId: string, forMs: number, wakes: Iterable<string>): boolean {
    const room = this.#rooms.get(roomId) ?? { position: 0, users: new Map() };
    const before = room.users.get(userId);
    clearTimeout(before);
    if (forMs === 0) {
      if (before === undefined) return false;
      room.users.delete(userId);
    } else {
      const timer = setTimeout(() => this.set(roomId, userId, 0, wakes), forMs);
      timer.unref();
      this.#rooms.set(roomId, room);
      room.users.set(userId, timer);
      if (before !== undefined) return false;
    }
    const change: Change = { kind: 'typing', roomId, wakes };
    room.position = this.#db.clock.next(change);
    this.#db.clock.settle([room.position], 'committed');
    return true;
  }

  /** Who is writing, when that has changed since a stream position; undefined otherwise. */
  since(roomId: string, position: StreamPosition): readonly string[] | undefined {
    const room = this.#rooms.get(roomId);
    return room && room.position > position ? [...room.users.keys()] : undefined;
  }

  close(): void {
    for (const { users } of this.#rooms.values()) {
      for (const timer of users.values()) clearTimeout(timer);
    }
    this.#rooms.clear();
  }
}
