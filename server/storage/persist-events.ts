import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '@candor/spec';
import type { Database } from './database.ts';
import { DatabaseUnavailable, isDatabaseUnavailable } from './database-unavailable.ts';
import type { PersistItem } from './persist-item.ts';
import { persistStatement } from './persist-statement.ts';

type Waiting = {
  readonly item: PersistItem;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

const byRoom = (batch: readonly Waiting[]): readonly Waiting[][] => [
  ...Map.groupBy(batch, ({ item }) => item.room.roomNid).values(),
];

/**
 * The only writer of events: all rooms of the process share its commits. It writes at once when idle and gathers while
 * a write is under way. When a write fails, its items and everything queued for the same rooms are rejected (with
 * `DatabaseUnavailable` when that is the reason), and `onFailure` hears of the rooms before anyone else.
 */
export class PersistQueue {
  readonly #db: Database;
  readonly #onFailure: (roomNids: ReadonlySet<number>) => void;
  #queue: Waiting[] = [];
  #inFlight: readonly Waiting[] = [];
  #isFlushing = false;
  #batchEnded: (() => void)[] = [];

  constructor(db: Database, onFailure: (roomNids: ReadonlySet<number>) => void) {
    this.#db = db;
    this.#onFailure = onFailure;
  }

  /** So much waits for the database that nothing more should be begun. */
  get isFull(): boolean {
    return this.#queue.length >= limits.persistQueueItemsMax;
  }

  /** Queues an item; resolves when it is on disk. Items are written in the order they are queued. */
  persist(item: PersistItem): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      if (this.#isFlushing) return;
      this.#isFlushing = true;
      // What is sent in the same turn of the event loop shares the first write.
      setImmediate(() => this.#flush());
    });
  }

  /** Resolves when everything queued so far for a room is on disk or lost. */
  settled(roomNid: number): Promise<void> {
    return this.#untilNone(({ item }) => item.room.roomNid === roomNid);
  }

  /** Resolves when nothing is queued. */
  idle(): Promise<void> {
    return this.#untilNone(() => true);
  }

  async #untilNone(isMeant: (waiting: Waiting) => boolean): Promise<void> {
    while (this.#inFlight.some(isMeant) || this.#queue.some(isMeant)) {
      await new Promise<void>((resolve) => this.#batchEnded.push(resolve));
    }
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#inFlight = this.#takeBatch();
      await this.#write(this.#inFlight);
      this.#inFlight = [];
      for (const resolve of this.#batchEnded) resolve();
      this.#batchEnded = [];
    }
    this.#isFlushing = false;
  }

  #takeBatch(): Waiting[] {
    let events = 0;
    let count = 0;
    for (const { item } of this.#queue) {
      events += item.events.length;
      if (count > 0 && events > limits.persistBatchEventsMax) break;
      count += 1;
    }
    const batch = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    return batch;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const items = batch.map(({ item }) => item);
    try {
      await writeBatch(this.#db, items);
    } catch (error) {
      const rooms = byRoom(batch);
      // One room's bad row is not to take the others with it.
      const isShared = rooms.length > 1 && !isDatabaseUnavailable(error);
      if (!isShared) this.#fail(batch, error);
      else for (const part of rooms) await this.#write(part);
      return;
    }
    this.#db.clock.settle(
      items.flatMap((item) => item.positions),
      'committed',
    );
    for (const { resolve } of batch) resolve();
  }

  #fail(batch: readonly Waiting[], cause: unknown): void {
    const error = isDatabaseUnavailable(cause) ? new DatabaseUnavailable(cause) : cause;
    const rooms = new Set(batch.map(({ item }) => item.room.roomNid));
    const isLost = ({ item }: Waiting) => rooms.has(item.room.roomNid);
    const unwritten = this.#queue.filter(isLost);
    this.#queue = this.#queue.filter((waiting) => !isLost(waiting));
    this.#onFailure(rooms);
    const settle = (part: readonly Waiting[], outcome: 'committed' | 'abandoned') =>
      this.#db.clock.settle(
        part.flatMap(({ item }) => item.positions),
        outcome,
      );
    settle(unwritten, 'abandoned');
    if (cause instanceof OutcomeUnknown) {
      void cause.isStored.then((stored) => settle(batch, stored ? 'committed' : 'abandoned'));
    } else settle(batch, 'abandoned');
    for (const { reject } of [...batch, ...unwritten]) reject(error);
  }
}

/** The database went away before it said whether a batch was written. */
class OutcomeUnknown extends DatabaseUnavailable {
  /** Resolves when the database is back, with false when it never is while this process runs. */
  readonly isStored: Promise<boolean>;

  constructor(cause: unknown, stored: Promise<boolean>) {
    super(cause);
    this.isStored = stored;
  }
}

/** One statement; when the connection broke and left open whether it was committed, asks. */
const writeBatch = async (db: Database, items: readonly PersistItem[]): Promise<void> => {
  const { text, values } = persistStatement(items);
  try {
    await db.pool.query(text, values);
  } catch (error) {
    if (!isDatabaseUnavailable(error)) throw error;
    const stored = await isStored(db, items);
    if (stored === undefined) throw new OutcomeUnknown(error, isStoredAfterAll(db, items));
    if (!stored) throw error;
  }
};

/** Undefined while the database does not answer. */
const isStored = async (
  db: Database,
  items: readonly PersistItem[],
): Promise<boolean | undefined> => {
  const [first] = items.flatMap((item) => item.events);
  if (!first) return false;
  // The batch is all or nothing: its first event speaks for it.
  const query = db.sql
    .selectFrom('events')
    .select('event_nid')
    .where('event_nid', '=', first.eventNid)
    .execute();
  return query.then(
    (rows) => rows.length > 0,
    () => undefined,
  );
};

const isStoredAfterAll = async (db: Database, items: readonly PersistItem[]): Promise<boolean> => {
  while (!db.pool.ending) {
    await sleep(limits.uncertainWritePollMs, undefined, { ref: false });
    const stored = await isStored(db, items);
    if (stored !== undefined) return stored;
  }
  return false;
};
