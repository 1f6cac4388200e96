import { limits } from '@candor/spec';

/** Work on events whose predecessors could not be had, done again a few times. In memory only: what comes after them brings them too. */
export class LateEvents {
  readonly #timers = new Set<NodeJS.Timeout>();
  #isStopped = false;

  /** `attempt` counts from 0; beyond the last delay, and when too many wait, nothing is done. */
  retry(attempt: number, work: () => Promise<void>): void {
    const delayMs = limits.lateEventDelaysMs[attempt];
    const isFull = this.#timers.size >= limits.lateEventsMax;
    if (delayMs === undefined || isFull || this.#isStopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work().catch(() => undefined);
    }, delayMs);
    this.#timers.add(timer.unref());
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
