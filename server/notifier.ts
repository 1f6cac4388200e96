import type { RoomEvent, StateKey } from '@candor/federation';
import { limits } from '@candor/spec';
import type { StreamPosition } from './storage/stream-clock.ts';

/** An entry of the current state that another event stands in now, or none. */
export type MovedState<Event = RoomEvent> = { readonly key: StateKey; readonly event?: Event };

/** How far a user has read. Private ones are for the user alone. */
export type Receipt = {
  readonly userId: string;
  readonly type: string;
  readonly eventId: string;
  /** The root of a thread, or `main`; absent for the whole room. */
  readonly threadId?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
};

/** What was written, told after the commit; `wakes` are the local users it concerns. */
export type Change<Event = RoomEvent> = { readonly wakes: Iterable<string> } & (
  | {
      readonly kind: 'event';
      readonly roomId: string;
      readonly event: Event;
      /**
       * What became of the current state, where it is not just that this state event took its place; `many` where
       * it is too much to tell.
       */
      readonly moved?: readonly MovedState<Event>[] | 'many';
      /** Session that sent it here, for the local echo's `unsigned.transaction_id`. */
      readonly sentBy?: {
        readonly userId: string;
        readonly deviceId: string;
        readonly txnId: string;
      };
    }
  /** A local user's membership that came without its room's timeline: an invite or knock from afar, a forget. */
  | { readonly kind: 'membership'; readonly roomId: string; readonly userId: string }
  | {
      readonly kind: 'accountData';
      readonly userId: string;
      readonly roomId?: string;
      readonly type: string;
    }
  | ({ readonly kind: 'receipt'; readonly roomId: string } & Receipt)
  | { readonly kind: 'typing'; readonly roomId: string }
  | { readonly kind: 'presence'; readonly userId: string }
  | { readonly kind: 'toDevice'; readonly userId: string; readonly deviceId: string }
  /** Devices or cross-signing keys of a user, local or remote, are not what they were. */
  | { readonly kind: 'deviceList'; readonly userId: string }
  | { readonly kind: 'oneTimeKeys'; readonly userId: string; readonly deviceId: string }
  /** Tokens of a device (or of all devices) no longer hold: caches forget them, sockets close. */
  | { readonly kind: 'sessionEnded'; readonly userId: string; readonly deviceId?: string }
  /** An account was locked, suspended or made an administrator, or the reverse. */
  | { readonly kind: 'accountChanged'; readonly userId: string }
  /** A reserved media address of this server has got its content. */
  | { readonly kind: 'media'; readonly mediaId: string }
  /** Rows for other servers were queued. */
  | { readonly kind: 'outbox'; readonly destinations: readonly string[] }
);

export type PlacedChange<Event = RoomEvent> = {
  readonly position: StreamPosition;
  readonly change: Change<Event>;
};

/** What is kept of an event that was told: what it says is kept elsewhere, and there by its size. */
export type ToldEvent = Pick<RoomEvent, 'eventId' | 'type' | 'stateKey'>;

const namesOf = ({ eventId, type, stateKey }: RoomEvent): ToldEvent => ({
  eventId,
  type,
  ...(stateKey !== undefined && { stateKey }),
});

const toKeep = (change: Change): Change<ToldEvent> => {
  if (change.kind !== 'event') return change;
  const { event, moved, ...rest } = change;
  const kept = { ...rest, event: namesOf(event) };
  if (moved === undefined || moved === 'many') return { ...kept, ...(moved && { moved }) };
  return {
    ...kept,
    moved: moved.map(({ key, event: by }) => ({ key, ...(by && { event: namesOf(by) }) })),
  };
};

type Listener = (placed: PlacedChange) => void;

/** Keeps the newest changes in memory and wakes who waits for them. Positions arrive in increasing order. */
export class Notifier {
  #ring: PlacedChange<ToldEvent>[] = [];
  #complete: StreamPosition;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Map<string, Set<Listener>>();

  /** `start` is the stream position before the first change that will be published. */
  constructor(start: StreamPosition) {
    this.#complete = start;
  }

  publish(position: StreamPosition, change: Change): void {
    const placed = { position, change };
    this.#ring.push({ position, change: toKeep(change) });
    if (this.#ring.length > 2 * limits.notifierChangesMax) {
      const dropped = this.#ring.length - limits.notifierChangesMax;
      this.#complete = this.#ring[dropped - 1]?.position ?? this.#complete;
      this.#ring = this.#ring.slice(dropped);
    }
    for (const listener of this.#listeners) listener(placed);
    for (const userId of change.wakes) {
      for (const wake of this.#waiting.get(userId) ?? []) wake(placed);
    }
  }

  /** All changes after `position`, oldest first; undefined when some have left memory. */
  since(position: StreamPosition): readonly PlacedChange<ToldEvent>[] | undefined {
    if (position < this.#complete) return undefined;
    let low = 0;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ring[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return this.#ring.slice(low);
  }

  /** Calls `listener` for each change until the returned function is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `wake` at each change that concerns the user until the returned function is called. */
  onWake(userId: string, wake: Listener): () => void {
    const waiting = this.#waiting.get(userId) ?? new Set();
    this.#waiting.set(userId, waiting.add(wake));
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#waiting.get(userId) === waiting) this.#waiting.delete(userId);
    };
  }
}
