import { limits } from '@candor/spec';
import { recentlyUsed } from '../recently-used.ts';
import type { Db } from '../storage/database.ts';
import { readAuthEdges } from '../storage/events.ts';
import type { EventCache } from './event-cache.ts';

/** An auth chain with more events than this server is willing to walk. */
export class AuthChainTooLong extends Error {
  override readonly name = 'AuthChainTooLong';
}

/** Which events cite which: walks auth chains a generation at a time, without reading the events. */
export class AuthEdges {
  readonly #db: Db;
  readonly #events: EventCache;
  readonly #edges = recentlyUsed<string, readonly string[]>(limits.authEdgesInMemoryMax);

  constructor(db: Db, events: EventCache) {
    this.#db = db;
    this.#events = events;
  }

  /**
   * The `auth_events` of the given events and of everything reached from them; what is not stored is left out.
   * Throws `AuthChainTooLong` beyond `eventsMax`.
   */
  async walk(
    eventIds: Iterable<string>,
    eventsMax: number,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    const seen = new Set<string>(eventIds);
    let generation: readonly string[] = [...seen];
    while (generation.length > 0) {
      if (seen.size > eventsMax) throw new AuthChainTooLong(`more than ${eventsMax} events`);
      const next: string[] = [];
      for (const [eventId, cited] of await this.#load(generation)) {
        found.set(eventId, cited);
        for (const id of cited) {
          if (!seen.has(id)) next.push(id);
          seen.add(id);
        }
      }
      generation = next;
    }
    return found;
  }

  async #load(eventIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    const missing: string[] = [];
    for (const eventId of eventIds) {
      const cited = this.#events.peek(eventId)?.event.authEvents ?? this.#edges.get(eventId);
      if (cited) found.set(eventId, cited);
      else missing.push(eventId);
    }
    for (const [eventId, cited] of await readAuthEdges(this.#db, missing)) {
      this.#edges.set(eventId, cited);
      found.set(eventId, cited);
    }
    return found;
  }
}
