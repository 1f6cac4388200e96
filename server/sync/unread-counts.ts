import { limits } from '@candor/spec';
import type { Receipt } from '../notifier.ts';
import { matchPushRules, type PushSurroundings } from '../push/match-push-rules.ts';
import type { PushRuleset } from '../push/push-ruleset.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Room } from '../rooms/room.ts';
import { threadOf } from '../rooms/thread-of.ts';
import type { RoomOfUser } from '../storage/rooms-of-user.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import type { RoomChanges } from './gather-changes.ts';
import type { SyncScope } from './sync-scope.ts';

export type UnreadCount = { readonly notifications: number; readonly highlights: number };

/** An event that notifies, and the thread that it is in: `main`, or the id of the root. */
type Note = {
  readonly position: StreamPosition;
  readonly thread: string;
  readonly isHighlight: boolean;
};

/** What a user has not read of a room. */
class Unread {
  /** Events up to here have been looked at. */
  upTo: StreamPosition;
  #notes: Note[] = [];
  readonly #counts = new Map<string, UnreadCount>();
  /** Up to where a thread is read; the whole room under the empty name. */
  readonly #read = new Map<string, StreamPosition>();

  constructor(since: StreamPosition) {
    this.upTo = since;
    this.markRead('', since);
  }

  add(note: Note): void {
    if (this.#isRead(note)) return;
    this.#notes.push(note);
    this.#count(note);
    if (this.#notes.length > limits.unreadPerRoomMax) this.#keep(this.#notes.slice(1));
  }

  markRead(thread: string, position: StreamPosition): void {
    if (position <= (this.#read.get(thread) ?? 0)) return;
    this.#read.set(thread, position);
    const kept = this.#notes.filter((note) => !this.#isRead(note));
    if (kept.length < this.#notes.length) this.#keep(kept);
  }

  /** By thread. */
  get counts(): ReadonlyMap<string, UnreadCount> {
    return new Map(this.#counts);
  }

  /** Everything up to here is read. */
  get readUpTo(): StreamPosition {
    return this.#read.get('') ?? 0;
  }

  #keep(notes: Note[]): void {
    this.#notes = notes;
    this.#counts.clear();
    for (const note of notes) this.#count(note);
  }

  #count({ thread, isHighlight }: Note): void {
    const { notifications = 0, highlights = 0 } = this.#counts.get(thread) ?? {};
    this.#counts.set(thread, {
      notifications: notifications + 1,
      highlights: highlights + (isHighlight ? 1 : 0),
    });
  }

  #isRead({ position, thread }: Note): boolean {
    return position <= this.readUpTo || position <= (this.#read.get(thread) ?? 0);
  }
}

/** Counts the events that notify a user and were not read, going on from what was counted before. */
// https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
export class UnreadCounts {
  readonly #known = recentlyUsed<string, Promise<Unread>>(limits.unreadRoomsInMemoryMax);

  /** By thread, up to the scope's end. `changes` is what memory has of the room after `after`. */
  async of(
    scope: SyncScope,
    room: Room,
    row: RoomOfUser,
    changes: (RoomChanges & { readonly after: StreamPosition }) | undefined,
  ): Promise<ReadonlyMap<string, UnreadCount>> {
    const key = `${row.roomNid} ${scope.request.userId}`;
    const before = this.#known.get(key);
    const next = this.#next(scope, room, row, changes, before);
    this.#known.set(key, next);
    next.catch(() => {
      if (this.#known.peek(key) === next) this.#known.delete(key);
    });
    return (await next).counts;
  }

  async #next(
    scope: SyncScope,
    room: Room,
    row: RoomOfUser,
    changes: (RoomChanges & { readonly after: StreamPosition }) | undefined,
    before: Promise<Unread> | undefined,
  ): Promise<Unread> {
    const { userId } = scope.request;
    const known = await before;
    const unread = known && known.upTo >= row.since ? known : new Unread(row.since);
    const isInMemory = changes !== undefined && changes.after <= unread.upTo && unread === known;
    const receipts = isInMemory
      ? changes.receipts.filter((receipt) => receipt.userId === userId)
      : await scope.context.rooms.reads.receiptsOfUser({ roomNid: room.roomNid, userId });
    await markReceipts(scope, unread, receipts);
    const events = isInMemory
      ? await scope.context.rooms.events.load(changes.eventIds)
      : await readUnread(scope, room, Math.max(unread.upTo, unread.readUpTo));
    const rules = await scope.context.sync.pushRules.of(scope.request.userId);
    const around = await surroundingsOf(scope, room, rules);
    for (const stored of events.values()) {
      if ((stored.position ?? 0) > unread.upTo) await look(scope, unread, stored, rules, around);
    }
    unread.upTo = Math.max(unread.upTo, scope.upTo);
    return unread;
  }
}

const markReceipts = async (
  { context }: SyncScope,
  unread: Unread,
  receipts: readonly Receipt[],
): Promise<void> => {
  const events = await context.rooms.events.load(receipts.map(({ eventId }) => eventId));
  for (const { eventId, threadId = '' } of receipts) {
    unread.markRead(threadId, events.get(eventId)?.position ?? 0);
  }
};

/** The newest of the events behind a position, oldest first. */
const readUnread = async (
  { context, upTo }: SyncScope,
  { roomNid }: Room,
  after: StreamPosition,
): Promise<ReadonlyMap<string, StoredEvent>> => {
  const { events, reads } = context.rooms;
  const range = { roomNid, after, upTo, limit: limits.unreadEventsLookedAtMax };
  const read = events.remember(await reads.arrivals(range));
  return new Map(read.reverse().map((stored) => [stored.event.eventId, stored]));
};

const surroundingsOf = async (
  { context, request }: SyncScope,
  room: Room,
  rules: PushRuleset,
): Promise<PushSurroundings> => {
  const all = [...rules.override, ...rules.underride];
  const isNamed = all.some((rule) =>
    rule.conditions?.some(({ kind }) => kind === 'contains_display_name'),
  );
  const entry = isNamed ? room.memberEntry(request.userId) : undefined;
  const member = entry && (await context.rooms.events.loadOne(entry.eventId));
  const name = member?.event.content['displayname'];
  return {
    memberCount: room.joined.size,
    displayName: typeof name === 'string' ? name : undefined,
    levelOf: (userId) => room.levels.ofUser(userId),
    levelToNotify: (key) => room.levels.toNotify(key),
  };
};

const look = async (
  { context, request, ignored }: SyncScope,
  unread: Unread,
  stored: StoredEvent,
  rules: PushRuleset,
  around: PushSurroundings,
): Promise<void> => {
  const { event } = stored;
  const position = stored.position ?? 0;
  if (event.sender === request.userId) {
    // Who writes has read what is above it.
    unread.markRead(await threadOf(context, stored), position);
    return;
  }
  const isHeard = event.stateKey !== undefined || !ignored.has(event.sender);
  const { notify, highlight } = matchPushRules(rules, event, around);
  if (!notify || !isHeard || stored.redactedBy !== null) return;
  unread.add({ position, thread: await threadOf(context, stored), isHighlight: highlight });
};
