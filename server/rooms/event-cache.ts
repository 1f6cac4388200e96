import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import { jsonBytes } from '../json-bytes.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Db } from '../storage/database.ts';
import { readEvents, readEventsByNid } from '../storage/events.ts';
import { readTogether } from '../storage/read-together.ts';
import type { StoredEvent } from '../storage/stored-event.ts';

/** What an event costs in memory beside its JSON. */
const eventOverheadBytes = 1_000;

/** Where it is shown to clients its text is kept too. */
const approximateBytes = ({ event }: StoredEvent): number =>
  eventOverheadBytes + Math.ceil(1.5 * jsonBytes(event.pdu));

/** Events by id, for all rooms: those that are not on disk yet, and the ones used most recently. */
export class EventCache {
  readonly #unwritten = new Map<string, StoredEvent>();
  readonly #writes = new Map<string, Promise<void>>();
  readonly #recent = new LRUCache<string, StoredEvent>({
    maxSize: limits.eventsInMemoryBytesMax,
    sizeCalculation: approximateBytes,
    // The name behind an integer is of no use without the event.
    dispose: ({ eventNid }, eventId, reason) => {
      if (reason !== 'set' && !this.#unwritten.has(eventId)) this.#ids.delete(eventNid);
    },
  });

  readonly #ids = recentlyUsed<number, string>(limits.eventNidsInMemoryMax);
  readonly #spoiled = recentlyUsed<string, number>(limits.spoiledRowsRememberedMax);

  readonly #read: (eventIds: readonly string[]) => Promise<ReadonlyMap<string, StoredEvent>>;
  readonly #readByNid: (nids: readonly number[]) => Promise<ReadonlyMap<number, StoredEvent>>;

  constructor(db: Db) {
    const onSpoiled = (eventId: string, eventNid: number) => this.#spoiled.set(eventId, eventNid);
    this.#read = readTogether(async (lists) => {
      const read = await readEvents(db, [...new Set(lists.flat())], onSpoiled);
      const found = new Map(read.map((stored) => [stored.event.eventId, this.#keep(stored)]));
      return lists.map(() => found);
    });
    this.#readByNid = readTogether(async (lists) => {
      const read = await readEventsByNid(db, [...new Set(lists.flat())], onSpoiled);
      const found = new Map(read.map((stored) => [stored.eventNid, this.#keep(stored)]));
      return lists.map(() => found);
    });
  }

  /** The event if it is in memory. */
  peek(eventId: string): StoredEvent | undefined {
    return this.#unwritten.get(eventId) ?? this.#recent.get(eventId);
  }

  /** The events that exist, by id; all that are not in memory come in one read. */
  async load(eventIds: Iterable<string>): Promise<Map<string, StoredEvent>> {
    const found = new Map<string, StoredEvent>();
    const missing: string[] = [];
    for (const eventId of eventIds) {
      const known = this.peek(eventId);
      if (known) found.set(eventId, known);
      else missing.push(eventId);
    }
    if (missing.length === 0) return found;
    const read = await this.#read(missing);
    for (const eventId of missing) {
      const stored = read.get(eventId);
      if (stored) found.set(eventId, stored);
    }
    return found;
  }

  async loadOne(eventId: string): Promise<StoredEvent | undefined> {
    return this.peek(eventId) ?? (await this.load([eventId])).get(eventId);
  }

  /** The events behind integers, by them. */
  async loadByNid(eventNids: Iterable<number>): Promise<Map<number, StoredEvent>> {
    const found = new Map<number, StoredEvent>();
    const missing = new Set<number>();
    for (const nid of eventNids) {
      const eventId = this.#ids.get(nid);
      const known = eventId === undefined ? undefined : this.peek(eventId);
      if (known) found.set(nid, known);
      else missing.add(nid);
    }
    if (missing.size === 0) return found;
    const read = await this.#readByNid([...missing]);
    for (const nid of missing) {
      const stored = read.get(nid);
      if (stored) found.set(nid, stored);
    }
    return found;
  }

  /** The row of an event that was looked for and cannot be read: when the event comes again, it goes there. */
  spoiledNid(eventId: string): number | undefined {
    return this.#spoiled.get(eventId);
  }

  /** Takes in what was read elsewhere; answers with what is to be used in its place. */
  remember(events: readonly StoredEvent[]): StoredEvent[] {
    return events.map((stored) => this.#keep(stored));
  }

  /** An event that is queued for the database, or is changed there by what is queued. */
  holdUnwritten(stored: StoredEvent): void {
    this.#unwritten.set(stored.event.eventId, stored);
    this.#spoiled.delete(stored.event.eventId);
    this.#ids.set(stored.eventNid, stored.event.eventId);
  }

  /** What was held is queued; `written` settles with its write. */
  trackWrite(held: readonly StoredEvent[], written: Promise<void>): void {
    for (const { event } of held) this.#writes.set(event.eventId, written);
  }

  /** Settles when the event is on disk, or rejects when it was lost. */
  async written(eventId: string): Promise<void> {
    await this.#writes.get(eventId);
  }

  /** The write of what was held has ended. */
  release(held: readonly StoredEvent[], outcome: 'written' | 'lost'): void {
    for (const stored of held) {
      const { eventId } = stored.event;
      if (this.#unwritten.get(eventId) === stored) {
        this.#unwritten.delete(eventId);
        this.#writes.delete(eventId);
      }
      if (outcome === 'written') this.#recent.set(eventId, stored);
      else this.#recent.delete(eventId);
    }
  }

  /** What was changed in memory while a read was under way wins over what was read. */
  #keep(stored: StoredEvent): StoredEvent {
    const known = this.peek(stored.event.eventId);
    if (known) return known;
    this.#ids.set(stored.eventNid, stored.event.eventId);
    this.#recent.set(stored.event.eventId, stored);
    return stored;
  }
}
