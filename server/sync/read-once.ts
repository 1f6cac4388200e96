import type { LRUCache } from 'lru-cache';
import { recentlyUsed } from '../recently-used.ts';

/** Values that are read once and kept until they are forgotten; a read that fails is not kept. */
export class ReadOnce<Value> {
  readonly #known: LRUCache<string, Promise<Value>>;
  readonly #read: (key: string) => Promise<Value>;

  constructor(max: number, read: (key: string) => Promise<Value>) {
    this.#known = recentlyUsed(max);
    this.#read = read;
  }

  of(key: string): Promise<Value> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const reading = this.#read(key);
    this.#known.set(key, reading);
    reading.catch(() => {
      if (this.#known.peek(key) === reading) this.#known.delete(key);
    });
    return reading;
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}
