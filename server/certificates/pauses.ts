import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after that time, or at once when the signal is aborted. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** By the clock of the system; does not keep the process alive. */
export const waitByClock: Wait = (ms, signal) =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);

/** The pauses of a loop: one can be cut short, and in the end there are no more. */
export class Pauses {
  readonly #wait: Wait;
  readonly #ending = new AbortController();
  #cutting = new AbortController();

  constructor(wait: Wait) {
    this.#wait = wait;
  }

  /** Aborted when the loop has to end. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  async take(ms: number): Promise<void> {
    if (this.signal.aborted) return;
    this.#cutting = new AbortController();
    await this.#wait(ms, this.#cutting.signal);
  }

  cut(): void {
    this.#cutting.abort();
  }

  end(): void {
    this.#ending.abort();
    this.#cutting.abort();
  }
}
