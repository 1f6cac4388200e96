import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { RoomEvent, StateKey, StateMap } from '@candor/federation';
import { createSlots } from '@candor/federation/transport';
import { limits } from '@candor/spec';

/** What `resolveState` takes. */
export type Resolution = {
  readonly version: string;
  readonly roomId: string;
  readonly sets: readonly StateMap<string>[];
  readonly events: ReadonlyMap<string, RoomEvent>;
  readonly rejected: readonly string[];
  readonly authDifference: ReadonlySet<string>;
};

/** How it travels: JSON in texts, which are copied between threads faster than objects. */
export type ResolutionPart =
  | {
      readonly kind: 'events';
      readonly version: string;
      readonly roomId: string;
      readonly pdus: string;
    }
  | {
      readonly kind: 'sets';
      readonly version: string;
      readonly sets: string;
      readonly rejected: string;
      readonly authDifference: string;
    };

export type ResolutionAnswer = { readonly resolved: string } | { readonly fault: string };

const program = new URL('./resolution-worker.ts', import.meta.url);

const post = async (worker: Worker, resolution: Resolution): Promise<void> => {
  const { version, roomId, events } = resolution;
  const size = limits.rowsPerTurnMax;
  const send = (part: ResolutionPart) => worker.postMessage(part);
  let pdus: [eventId: string, pdu: RoomEvent['pdu']][] = [];
  for (const [eventId, { pdu }] of events) {
    pdus.push([eventId, pdu]);
    if (pdus.length < size) continue;
    send({ kind: 'events', version, roomId, pdus: JSON.stringify(pdus) });
    pdus = [];
    await setImmediate();
  }
  send({ kind: 'events', version, roomId, pdus: JSON.stringify(pdus) });
  await setImmediate();
  send({
    kind: 'sets',
    version,
    sets: JSON.stringify(resolution.sets.map((set) => [...set])),
    rejected: JSON.stringify(resolution.rejected),
    authDifference: JSON.stringify([...resolution.authDifference]),
  });
};

/** Rejects when the thread ends, as it does when it takes too much memory or time. */
const answerOf = (worker: Worker, signal: AbortSignal): Promise<ResolutionAnswer> =>
  Promise.race([
    once(worker, 'message', { signal }).then(([answer]) => answer as ResolutionAnswer),
    once(worker, 'exit', { signal }).then(() => {
      throw new Error('the thread that resolves state ended');
    }),
  ]);

/**
 * Resolves states beside the event loop, one at a time, in a thread that is started when it is needed and ends when it
 * is idle. What ends the thread costs the resolution that it was at, and no other.
 */
export class ResolutionThread {
  readonly #inTurn = createSlots(1);
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** The resolved state, event ids by state key. Rejects when the thread fails. */
  resolve(resolution: Resolution): Promise<ReadonlyMap<StateKey, string>> {
    return this.#inTurn(async () => {
      clearTimeout(this.#idle);
      const worker = this.#started();
      const done = new AbortController();
      const tooLong = setTimeout(() => void worker.terminate(), limits.resolutionMsMax);
      try {
        const answered = answerOf(worker, done.signal);
        const [answer] = await Promise.all([answered, post(worker, resolution)]);
        if ('fault' in answer) throw new Error(answer.fault);
        return new Map(JSON.parse(answer.resolved) as [StateKey, string][]);
      } finally {
        done.abort();
        clearTimeout(tooLong);
        this.#idle = setTimeout(() => void this.close(), limits.resolutionThreadIdleMs).unref();
      }
    });
  }

  /** Ends the thread; what it is at is rejected. A later resolution begins another. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(program, {
      // Not those of the process: some, such as --input-type, no thread may have.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: limits.resolutionThreadMegabytesMax },
    });
    // Whoever waits for an answer hears of it too.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    worker.unref();
    this.#worker = worker;
    return worker;
  }
}
