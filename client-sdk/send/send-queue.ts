import type { JsonObject } from '@candor/federation';
import { backOff } from '../api/back-off.ts';
import { RequestError } from '../api/request-error.ts';
import { CandorError } from '../candor-error.ts';
import type { Row } from '../stores/tables.ts';
import { type DeliveryContext, deliverEvent } from './deliver-event.ts';
import { queuedEvent } from './queued-event.ts';

type Queued = Row<'sendQueue'>;
type Waiter = {
  roomId: string;
  resolve: (row: Row<'timeline'>) => void;
  reject: (error: unknown) => void;
};

const passing: readonly string[] = ['no-one-time-key', 'devices-unknown'];

/** What may succeed later without anybody doing something about it. */
const isPassing = (error: unknown): boolean =>
  error instanceof RequestError
    ? error.isPassing
    : error instanceof CandorError && passing.includes(error.code);

/**
 * Events on their way into rooms, stored until the server has them. Each room's go out in their
 * order; what is refused for good stays in the store as `failed` until it is sent again or discarded.
 */
export class SendQueue {
  readonly #context: DeliveryContext;
  readonly #onProblem: (error: unknown) => void;
  readonly #waiters = new Map<string, Waiter>();
  readonly #draining = new Map<string, Promise<void>>();
  #signal: AbortSignal = AbortSignal.abort();

  /** `onProblem` is told what will be tried again. */
  constructor(context: DeliveryContext, onProblem: (error: unknown) => void) {
    this.#context = context;
    this.#onProblem = onProblem;
  }

  /** Stores an event to be sent; resolves when the server has it, rejects when it cannot be sent. */
  add(roomId: string, type: string, content: JsonObject): Promise<Row<'timeline'>> {
    const txnId = this.#context.store.transaction((tx) =>
      queuedEvent.add(tx, roomId, type, content),
    );
    return this.#waitFor(txnId, roomId);
  }

  /** What could not be sent into a room, with the reason. */
  failed(roomId: string): Queued[] {
    const where = { roomId, state: 'failed' as const };
    return this.#context.store.all('sendQueue', { where, orderBy: 'position' });
  }

  /** Tries a failed event again. */
  sendAgain(txnId: string): Promise<Row<'timeline'>> {
    const row = this.#context.store.get('sendQueue', { txnId });
    if (!row)
      return Promise.reject(new CandorError('not-in-room', `nothing is queued as ${txnId}`));
    this.#put({ ...row, state: 'queued', error: null });
    return this.#waitFor(txnId, row.roomId);
  }

  discard(txnId: string): Promise<void> {
    return this.#context.engine.abandon(txnId);
  }

  /** Sends what is queued, now and as it comes, until the signal ends. Call when everything before is known. */
  run(signal: AbortSignal): void {
    this.#signal = signal;
    const rooms = new Set(this.#context.store.all('sendQueue').map(({ roomId }) => roomId));
    for (const roomId of rooms) this.#drain(roomId);
  }

  /** Stops at the next step and rejects those who wait; what is queued stays stored. */
  async stop(): Promise<void> {
    await Promise.all(this.#draining.values());
    const stopped = new CandorError('stopped', 'the client was stopped; the event stays queued');
    for (const { reject } of this.#waiters.values()) reject(stopped);
    this.#waiters.clear();
  }

  #put(row: Queued): void {
    this.#context.store.transaction((tx) => tx.put('sendQueue', row));
  }

  #waitFor(txnId: string, roomId: string): Promise<Row<'timeline'>> {
    const sent = new Promise<Row<'timeline'>>((resolve, reject) => {
      this.#waiters.set(txnId, { roomId, resolve, reject });
    });
    this.#drain(roomId);
    return sent;
  }

  #drain(roomId: string): void {
    if (this.#signal.aborted || this.#draining.has(roomId)) return;
    this.#settleGone(roomId);
    const draining = this.#drainRoom(roomId, this.#signal).then((outcome) => {
      this.#draining.delete(roomId);
      // Something was added, or a new run began, just as this one ended.
      if (outcome === 'drained' && this.#next(roomId)) this.#drain(roomId);
    });
    this.#draining.set(roomId, draining);
  }

  #next(roomId: string): Queued | undefined {
    return queuedEvent.next(this.#context.store, roomId);
  }

  async #drainRoom(roomId: string, signal: AbortSignal): Promise<'drained' | 'signed-out'> {
    const pause = backOff();
    for (let row = this.#next(roomId); row && !signal.aborted; row = this.#next(roomId)) {
      try {
        await deliverEvent(this.#context, row);
        pause.reset();
      } catch (error) {
        // Signed out: it goes out after the next login.
        if (error instanceof RequestError && error.status === 401) return 'signed-out';
        if (!isPassing(error)) this.#fail(row, error);
        else {
          if (!signal.aborted) this.#onProblem(error);
          await pause.wait(signal, error instanceof RequestError ? error.retryAfterMs : 0);
        }
      }
      this.#settleGone(roomId);
    }
    return 'drained';
  }

  /** Tells those who wait for events that are out of the queue: sent just now, known by their echo, or discarded. */
  #settleGone(roomId: string): void {
    const { store } = this.#context;
    for (const [txnId, { roomId: waitsIn, resolve, reject }] of this.#waiters) {
      if (waitsIn !== roomId || store.get('sendQueue', { txnId })) continue;
      this.#waiters.delete(txnId);
      const [sent] = store.all('timeline', { where: { roomId, txnId } });
      if (sent) resolve(sent);
      else reject(new CandorError('stopped', 'the event was discarded'));
    }
  }

  #fail({ txnId }: Queued, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#context.store.transaction((tx) =>
      queuedEvent.forgetEncryption(tx, txnId, 'failed', text),
    );
    this.#waiters.get(txnId)?.reject(error);
    this.#waiters.delete(txnId);
  }
}
