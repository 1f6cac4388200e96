type Line = { readonly last: Promise<unknown>; readonly length: number };

/** Work under the same key runs one after the other, in the order asked for; other keys do not wait. */
export class KeyedTurns {
  readonly #lines = new Map<string, Line>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#lines.get(key);
    const result = (before?.last ?? Promise.resolve()).then(work);
    const last = result.catch(() => undefined);
    this.#lines.set(key, { last, length: (before?.length ?? 0) + 1 });
    try {
      return await result;
    } finally {
      this.#leave(key);
    }
  }

  /** How much work under the key is running or waiting. */
  lengthOf(key: string): number {
    return this.#lines.get(key)?.length ?? 0;
  }

  #leave(key: string): void {
    const line = this.#lines.get(key);
    if (!line) return;
    if (line.length === 1) this.#lines.delete(key);
    else this.#lines.set(key, { ...line, length: line.length - 1 });
  }
}
