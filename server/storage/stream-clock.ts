/** A place in the one stream of everything this process writes; sync tokens are made of it. */
export type StreamPosition = number;

type Flight<C> = { readonly position: StreamPosition; readonly change?: C; state: FlightState };
type FlightState = 'open' | 'committed' | 'abandoned';

/** Positions are reserved in blocks, so that a restart never hands one out twice. */
export const streamBlockSize = 1_000_000;

/**
 * Hands out stream positions and tells committed changes strictly in order: a change is told only when
 * no transaction with a lower position is still open, so a reader at `committed` has missed nothing.
 */
export class StreamClock<C> {
  committed: StreamPosition;
  #last: StreamPosition;
  #reservedUntil: StreamPosition;
  #flights: Flight<C>[] = [];
  #head = 0;
  #waiting: { readonly position: StreamPosition; readonly resolve: () => void }[] = [];
  readonly #reserve: () => Promise<StreamPosition>;
  readonly #tell: (position: StreamPosition, change: C) => void;
  #reserving = false;

  /** `start` is the first position of a reserved block; `reserve` answers with the first of the next block. */
  constructor(
    start: StreamPosition,
    reserve: () => Promise<StreamPosition>,
    tell: (position: StreamPosition, change: C) => void,
  ) {
    this.committed = start;
    this.#last = start;
    this.#reservedUntil = start + streamBlockSize;
    this.#reserve = reserve;
    this.#tell = tell;
  }

  /** The next position, open until `settle`; without a change nothing is told. Throws when the reserved block is used up and no new one came. */
  next(change?: C): StreamPosition {
    if (this.#last + 1 >= this.#reservedUntil) throw new Error('no stream positions reserved');
    if (this.#reservedUntil - this.#last < streamBlockSize / 2) this.#reserveMore();
    this.#last += 1;
    this.#flights.push({ position: this.#last, state: 'open', ...(change && { change }) });
    return this.#last;
  }

  /** Ends positions handed out by `next`; `outcome` says whether their transaction reached the disk. */
  settle(positions: readonly StreamPosition[], outcome: 'committed' | 'abandoned'): void {
    for (const position of positions) {
      const flight = this.#find(position);
      if (flight) flight.state = outcome;
    }
    this.#advance();
  }

  /** Resolves when every position that has been handed out by now is settled; undefined when all are. */
  settled(): Promise<void> | undefined {
    const last = this.#head < this.#flights.length ? this.#flights.at(-1) : undefined;
    if (!last) return undefined;
    const { position } = last;
    return new Promise((resolve) => this.#waiting.push({ position, resolve }));
  }

  #find(position: StreamPosition): Flight<C> | undefined {
    let low = this.#head;
    let high = this.#flights.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const flight = this.#flights[middle];
      if (!flight || flight.position === position) return flight;
      if (flight.position < position) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #advance(): void {
    for (;;) {
      const flight = this.#flights[this.#head];
      if (!flight || flight.state === 'open') break;
      this.#head += 1;
      this.committed = flight.position;
      if (flight.state === 'committed' && flight.change !== undefined) {
        this.#tell(flight.position, flight.change);
      }
    }
    if (this.#head > 1024) {
      this.#flights = this.#flights.slice(this.#head);
      this.#head = 0;
    }
    while (this.#waiting[0] && this.#waiting[0].position <= this.committed) {
      this.#waiting.shift()?.resolve();
    }
  }

  #reserveMore(): void {
    if (this.#reserving) return;
    this.#reserving = true;
    this.#reserve()
      .then(
        (start) => {
          // A block of another process may lie between ours; positions stay increasing all the same.
          this.#last = Math.max(this.#last, start);
          this.#reservedUntil = start + streamBlockSize;
        },
        () => undefined,
      )
      .finally(() => {
        this.#reserving = false;
      });
  }
}
