import { limits } from '@candor/spec';
import type { Notifier } from '../notifier.ts';
import { recentlyUsed } from '../recently-used.ts';
import { type Database, transact } from '../storage/database.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { deleteToDeviceUpTo, type ToDeviceMessage, toDeviceAfter } from '../storage/to-device.ts';

type Inbox = {
  /** Nothing is stored for the device up to here. */
  emptyUpTo: StreamPosition;
  /** The newest message that was told. */
  newest: StreamPosition;
};

/** What waits for devices, so that a session for which nothing waits costs no query. */
export class Inboxes {
  readonly #db: Database;
  readonly #known = recentlyUsed<string, Inbox>(limits.syncDevicesInMemoryMax);
  readonly #stopListening: () => void;

  constructor(db: Database, notifier: Notifier) {
    this.#db = db;
    this.#stopListening = notifier.listen(({ position, change }) => {
      if (change.kind !== 'toDevice') return;
      const inbox = this.#known.peek(`${change.userId} ${change.deviceId}`);
      if (inbox) inbox.newest = position;
    });
  }

  /** Forgets the messages up to `since`, which the device has; gives the next ones up to `upTo`. */
  async open(
    userId: string,
    deviceId: string,
    since: StreamPosition,
    upTo: StreamPosition,
  ): Promise<readonly ToDeviceMessage[]> {
    const key = `${userId} ${deviceId}`;
    const known = this.#known.get(key);
    const newest = known?.newest ?? Number.POSITIVE_INFINITY;
    if (known && newest <= known.emptyUpTo) return [];
    if (!known || known.emptyUpTo < since) {
      await transact(this.#db, (tx) => deleteToDeviceUpTo(tx, userId, deviceId, since));
      const inbox = this.#known.get(key);
      if (inbox) inbox.emptyUpTo = Math.max(inbox.emptyUpTo, since);
      // What was told meanwhile may have been missed: it counts as told now.
      else this.#known.set(key, { emptyUpTo: since, newest: this.#db.clock.committed });
    }
    if (newest <= since) return [];
    const limit = limits.toDeviceMessagesPerSyncMax;
    return toDeviceAfter(this.#db, userId, deviceId, since, upTo, limit);
  }

  close(): void {
    this.#stopListening();
  }
}
