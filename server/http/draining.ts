/** Whether the server is being stopped, and who waits to hear of it. */
export class Draining {
  #isOn = false;
  readonly #waiting = new Set<() => void>();

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(): void {
    this.#isOn = true;
    for (const call of this.#waiting) call();
    this.#waiting.clear();
  }

  /** Calls back when draining begins, at once if it has; the returned function takes that back. */
  onBegin(call: () => void): () => void {
    if (this.#isOn) call();
    else this.#waiting.add(call);
    return () => this.#waiting.delete(call);
  }
}
