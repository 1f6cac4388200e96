import { limits } from '@candor/spec';
import { recentlyUsed } from '../recently-used.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

/** Which member events a lazily loading session has: those it got in an answer that it has acknowledged since. */
export class SentMembers {
  readonly #sessions = recentlyUsed<string, Map<string, StreamPosition>>(
    limits.syncDevicesInMemoryMax,
  );

  /** Whether the session has the event, if it stands at `since`. */
  has(session: string, eventId: string, since: StreamPosition): boolean {
    const sentAt = this.#sessions.get(session)?.get(eventId);
    return sentAt !== undefined && sentAt <= since;
  }

  /** The event goes out in the answer that brings the session to `position`. */
  add(session: string, eventId: string, position: StreamPosition): void {
    const sent = this.#sessions.get(session) ?? new Map<string, StreamPosition>();
    // Sent once too often does no harm: it is simplest to begin anew.
    if (sent.size >= limits.lazyMembersPerDeviceMax) sent.clear();
    sent.set(eventId, position);
    this.#sessions.set(session, sent);
  }
}
