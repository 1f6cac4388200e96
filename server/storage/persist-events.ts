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

/** The only writer of events: all rooms of the process share its commits. */
export type PersistQueue = {
  /** Queues an item; resolves when it is on disk. Items are written in the order they are queued. */
  readonly persist: (item: PersistItem) => Promise<void>;
  /** Resolves when everything queued so far for a room is on disk or lost. */
  readonly settled: (roomNid: number) => Promise<void>;
  /** Resolves when nothing is queued. */
  readonly idle: () => Promise<void>;
};

/**
 * Starts the queue. It writes at once when idle and gathers while a write is under way. When a write fails, its items
 * and everything queued for the same rooms are rejected (with `DatabaseUnavailable` when that is the reason), and
 * `onFailure` hears of the rooms before anyone else.
 */
export const startPersistQueue = (
  db: Database,
  onFailure: (roomNids: ReadonlySet<number>) => void,
): PersistQueue => {
  let queue: Waiting[] = [];
  let inFlight: readonly Waiting[] = [];
  let flushing = false;
  let batchEnded: (() => void)[] = [];

  const takeBatch = (): Waiting[] => {
    let events = 0;
    let count = 0;
    for (const { item } of queue) {
      events += item.events.length;
      if (count > 0 && events > limits.persistBatchEventsMax) break;
      count += 1;
    }
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    return batch;
  };

  const fail = (batch: readonly Waiting[], cause: unknown): void => {
    const error = isDatabaseUnavailable(cause) ? new DatabaseUnavailable(cause) : cause;
    const rooms = new Set(batch.map(({ item }) => item.room.roomNid));
    const lost = [...batch, ...queue.filter(({ item }) => rooms.has(item.room.roomNid))];
    queue = queue.filter(({ item }) => !rooms.has(item.room.roomNid));
    onFailure(rooms);
    db.clock.settle(
      lost.flatMap(({ item }) => item.positions),
      'abandoned',
    );
    for (const { reject } of lost) reject(error);
  };

  const write = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      await writeBatch(
        db,
        batch.map(({ item }) => item),
      );
    } catch (error) {
      const rooms = byRoom(batch);
      // One room's bad row is not to take the others with it.
      const isShared = rooms.length > 1 && !isDatabaseUnavailable(error);
      if (!isShared) fail(batch, error);
      else for (const part of rooms) await write(part);
      return;
    }
    db.clock.settle(
      batch.flatMap(({ item }) => item.positions),
      'committed',
    );
    for (const { resolve } of batch) resolve();
  };

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      inFlight = takeBatch();
      await write(inFlight);
      inFlight = [];
      for (const resolve of batchEnded) resolve();
      batchEnded = [];
    }
    flushing = false;
  };

  const untilNone = async (isMeant: (waiting: Waiting) => boolean): Promise<void> => {
    while (inFlight.some(isMeant) || queue.some(isMeant)) {
      await new Promise<void>((resolve) => batchEnded.push(resolve));
    }
  };

  return {
    persist: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (flushing) return;
        flushing = true;
        // What is sent in the same turn of the event loop shares the first write.
        setImmediate(flush);
      }),
    settled: (roomNid) => untilNone(({ item }) => item.room.roomNid === roomNid),
    idle: () => untilNone(() => true),
  };
};

/** One statement; when the connection broke and left open whether it was committed, asks. */
const writeBatch = async (db: Database, items: readonly PersistItem[]): Promise<void> => {
  const { text, values } = persistStatement(items);
  try {
    await db.pool.query(text, values);
  } catch (error) {
    if (isDatabaseUnavailable(error) && (await isStored(db, items))) return;
    throw error;
  }
};

const isStored = async (db: Database, items: readonly PersistItem[]): Promise<boolean> => {
  const [first] = items.flatMap((item) => item.events);
  if (!first) return false;
  // The batch is all or nothing: its first event speaks for it.
  const stored = await db.sql
    .selectFrom('events')
    .select('event_nid')
    .where('event_nid', '=', first.eventNid)
    .executeTakeFirst()
    .catch(() => undefined);
  return stored !== undefined;
};
