import { limits } from '@candor/spec';
import { recentlyUsed } from '../recently-used.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

type Session = {
  /** Where the client stands. */
  since: StreamPosition;
  /** Events that the client has, with where it stood when it was known to have them. */
  readonly had: Map<string, StreamPosition>;
  /** Those in the last answer, which the client has only if it goes on from there. */
  pending: { readonly next: StreamPosition; readonly eventIds: Set<string> };
};

const nothing = () => ({ next: -1, eventIds: new Set<string>() });

/** Which member events a lazily loading session has: those it got in answers that it went on from. */
export class SentMembers {
  readonly #sessions = recentlyUsed<string, Session>(limits.syncDevicesInMemoryMax);

  /** The session asks for what comes after `since`: what it was sent in an answer that led there, it has. */
  goOn(key: string, since: StreamPosition): void {
    const session = this.#session(key);
    if (since < session.since) {
      for (const [eventId, at] of session.had) if (at > since) session.had.delete(eventId);
    }
    if (session.pending.next === since) {
      for (const eventId of session.pending.eventIds) session.had.set(eventId, since);
    }
    // Sent once too often does no harm: it is simplest to begin anew.
    if (session.had.size > limits.lazyMembersPerDeviceMax) session.had.clear();
    session.since = since;
    session.pending = nothing();
  }

  has(key: string, eventId: string): boolean {
    return this.#sessions.get(key)?.had.has(eventId) ?? false;
  }

  /** The event goes out in the answer that brings the session to `next`. */
  add(key: string, eventId: string, next: StreamPosition): void {
    const session = this.#session(key);
    if (session.pending.next !== next) session.pending = { next, eventIds: new Set() };
    session.pending.eventIds.add(eventId);
  }

  #session(key: string): Session {
    const known = this.#sessions.get(key);
    if (known) return known;
    const session: Session = { since: 0, had: new Map(), pending: nothing() };
    this.#sessions.set(key, session);
    return session;
  }
}
