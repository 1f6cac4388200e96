import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import type { StateSet } from './state-set.ts';

/** Results of state resolution, by the room and the hashes of what was resolved; one that is under way is shared. */
export class ResolvedStates {
  readonly #known = new LRUCache<string, StateSet>({
    maxSize: limits.resolvedStateEntriesMax,
    sizeCalculation: ({ entries }) => entries.size + 1,
  });
  readonly #underWay = new Map<string, Promise<StateSet>>();

  async of(key: string, resolve: () => Promise<StateSet>): Promise<StateSet> {
    const known = this.#known.get(key) ?? this.#underWay.get(key);
    if (known !== undefined) return known;
    const resolving = resolve()
      .then((resolved) => {
        this.#known.set(key, resolved);
        return resolved;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, resolving);
    return resolving;
  }
}
