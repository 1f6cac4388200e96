import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import type { SyncBody } from './write-body.ts';

type Kept = {
  readonly body: SyncBody;
  /** Whoever asked for it was gone before it was ready. */
  isUnclaimed: boolean;
};

/** Initial answers are dear, and clients that give up on one ask for it again: it is made once for all who ask meanwhile, and kept for a while. */
export class InitialAnswers {
  readonly #underWay = new Map<string, Promise<SyncBody>>();
  readonly #kept = new LRUCache<string, Kept>({
    maxSize: limits.initialSyncsKeptBytesMax,
    sizeCalculation: ({ body }) => body.bytes + 1,
    ttl: limits.initialSyncKeptMs,
  });

  /** The answer under a key: one that nobody has had yet or that is as good as new, or what `write` makes. */
  async of(
    key: string,
    isAsNew: (body: SyncBody) => boolean,
    write: () => Promise<SyncBody>,
    signal: AbortSignal,
  ): Promise<SyncBody> {
    const kept = this.#kept.get(key);
    if (kept && (kept.isUnclaimed || isAsNew(kept.body))) {
      kept.isUnclaimed &&= signal.aborted;
      return kept.body;
    }
    const body = await this.#shared(key, write);
    const made = this.#kept.peek(key);
    if (made?.body === body) made.isUnclaimed &&= signal.aborted;
    return body;
  }

  #shared(key: string, write: () => Promise<SyncBody>): Promise<SyncBody> {
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const making = write()
      .then((body) => {
        this.#kept.set(key, { body, isUnclaimed: true });
        return body;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, making);
    return making;
  }
}
