import { limits } from '@candor/spec';
import type { JsonObject } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import { buildTransaction, type Transaction } from './build-transaction.ts';
import type { Backoff, DestinationStore } from './destination-store.ts';
import { createEphemeralQueue, type EphemeralQueue } from './ephemeral-queue.ts';
import type { PeerClient } from './peer-client.ts';
import { PeerError } from './peer-error.ts';
import { RefusedShare } from './refused-share.ts';
import type { TransportLog } from './transport-log.ts';

export type LaneOptions = {
  readonly serverName: string;
  readonly store: DestinationStore;
  readonly client: Pick<PeerClient, 'request'>;
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Calls back once; the answer cancels it. */
  readonly setTimer: (callback: () => void, ms: number) => () => void;
  readonly log?: TransportLog;
};

export type LaneSurroundings = {
  /** Runs the task at once for servers reached lately, else when there is a slot for dialling. */
  readonly dial: <T>(task: () => Promise<T>) => Promise<T>;
  readonly onOutcome: (isReached: boolean) => void;
  /** Nothing to send and nothing to remember. */
  readonly onIdle: () => void;
};

type Outcome = { readonly sent: true } | { readonly sent: false; readonly error: unknown };

/** Half fixed, half random, so that servers that failed together do not return together. */
const backoffMs = (failures: number, random: number): number =>
  Math.min(limits.backoffMsMax, limits.backoffMsMin * 2 ** (failures - 1)) * (0.5 + random / 2);

const askedMs = (error: unknown): number =>
  Math.min(error instanceof PeerError ? (error.retryAfterMs ?? 0) : 0, limits.backoffMsMax);

const countRefused = (body: unknown): number => {
  const pdus = isObject(body) ? body['pdus'] : undefined;
  const results = Object.values(isObject(pdus) ? pdus : {});
  return results.filter((result) => isObject(result) && result['error'] !== undefined).length;
};

/**
 * The way to one destination: one transaction under way at a time, repeated as it is until the peer has it. What the
 * peer would refuse for ever is left out at last: it would keep back all that comes after it.
 */
// https://spec.matrix.org/v1.19/server-server-api/#transactions
export class DestinationLane {
  readonly #destination: string;
  readonly #options: LaneOptions;
  readonly #around: LaneSurroundings;
  readonly #ephemerals: EphemeralQueue;
  readonly #share = new RefusedShare();
  #backoff: Backoff | undefined;
  #isBackoffLoaded = false;
  #transaction: Transaction | undefined;
  #hasMoreToCatchUp = false;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #hasNews = false;
  #isStopped = false;
  #contactTriedAt = Number.NEGATIVE_INFINITY;

  constructor(destination: string, options: LaneOptions, around: LaneSurroundings) {
    this.#destination = destination;
    this.#options = options;
    this.#around = around;
    this.#ephemerals = createEphemeralQueue(options.now);
  }

  /** There may be something to send. */
  wake(): void {
    // Asleep it will look for work anyway.
    if (this.#isStopped || this.#cancelTimer !== undefined) return;
    this.#hasNews = true;
    this.#start();
  }

  ephemeral(edu: JsonObject): void {
    if (this.#backoff !== undefined) return;
    this.#ephemerals.add(edu);
    this.wake();
  }

  /** The server has just reached us, so it may be worth trying before the back-off ends. */
  contact(): void {
    const now = this.#options.now();
    if (this.#cancelTimer === undefined || this.#backoff === undefined) return;
    if (now - this.#contactTriedAt < limits.contactRetryMsMin) return;
    this.#contactTriedAt = now;
    this.#backoff = { ...this.#backoff, retryAt: now };
    this.#cancelTimer();
    this.#cancelTimer = undefined;
    this.#start();
  }

  /** Starts nothing new; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run()
      .catch((error: unknown) => {
        const fields = { destination: this.#destination, error: String(error) };
        this.#options.log?.warn(fields, 'the store of outbound work failed');
        this.#sleep(limits.storeRetryMs);
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#isStopped || this.#cancelTimer !== undefined) return;
        if (this.#hasNews) this.#start();
        else this.#around.onIdle();
      });
  }

  #sleep(ms: number): void {
    if (this.#isStopped) return;
    this.#cancelTimer = this.#options.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#start();
    }, ms);
  }

  async #run(): Promise<void> {
    const { now, store } = this.#options;
    if (!this.#isBackoffLoaded) this.#backoff = await store.backoff(this.#destination);
    this.#isBackoffLoaded = true;
    while (!this.#isStopped) {
      this.#hasNews = false;
      const waitMs = (this.#backoff?.retryAt ?? 0) - now();
      if (waitMs > 0) {
        this.#sleep(waitMs);
        return;
      }
      this.#transaction ??= await this.#nextTransaction();
      if (this.#transaction !== undefined) await this.#attempt(this.#transaction);
      else if (this.#backoff !== undefined) await this.#setBackoff(undefined);
      else if (!this.#hasNews) return;
    }
  }

  #isCatchingUp(): boolean {
    if (this.#backoff === undefined) return false;
    return this.#options.now() - this.#backoff.failingSince >= limits.catchUpAfterMs;
  }

  async #setBackoff(backoff: Backoff | undefined): Promise<void> {
    this.#backoff = backoff;
    await this.#options.store.saveBackoff(this.#destination, backoff);
  }

  async #nextTransaction(): Promise<Transaction | undefined> {
    const { store, now, serverName: origin } = this.#options;
    const destination = this.#destination;
    // After a long failure the peer gets each room's latest event and fetches what it wants before it.
    const catchingUp = this.#isCatchingUp();
    const { sizeMax, isProbing, isNarrowed } = this.#share;
    const pdusMax = Math.min(limits.transactionPdusMax, sizeMax);
    const pdus = catchingUp
      ? await store.latestPdus(destination, pdusMax)
      : await store.pendingPdus(destination, pdusMax);
    this.#hasMoreToCatchUp = catchingUp && pdus.length === pdusMax;
    const edusMax = Math.min(limits.transactionEdusMax, sizeMax - pdus.length);
    const edus = await store.pendingEdus(destination, edusMax);
    const ephemerals = isNarrowed ? [] : this.#ephemerals.take(edusMax - edus.length);
    return buildTransaction({ origin, now: now(), pdus, edus, ephemerals, isProbe: isProbing });
  }

  async #attempt(transaction: Transaction): Promise<void> {
    const outcome = await this.#around.dial(() => this.#send(transaction));
    if (outcome.sent) await this.#succeed(transaction);
    else if (!this.#isStopped) await this.#fail(transaction, outcome.error);
  }

  async #send({ txnId, content }: Transaction): Promise<Outcome> {
    if (this.#isStopped) return { sent: false, error: undefined };
    const destination = this.#destination;
    try {
      const { body } = await this.#options.client.request({
        destination,
        method: 'PUT',
        path: `/_matrix/federation/v1/send/${txnId}`,
        content,
        maxBytes: limits.requestBodyBytesMax,
      });
      const refused = countRefused(body);
      if (refused > 0) {
        this.#options.log?.debug({ destination, txnId, refused }, 'the peer refused PDUs');
      }
      return { sent: true };
    } catch (error) {
      return { sent: false, error };
    }
  }

  async #succeed({ positions, eduIds }: Transaction): Promise<void> {
    this.#around.onOutcome(true);
    this.#share.onTaken();
    await this.#options.store.confirmed(this.#destination, positions, eduIds);
    this.#transaction = undefined;
    const backoff = this.#backoff;
    if (backoff === undefined) return;
    if (!this.#hasMoreToCatchUp) await this.#setBackoff(undefined);
    else if (backoff.failures > 0) await this.#setBackoff({ ...backoff, failures: 0, retryAt: 0 });
  }

  async #fail(transaction: Transaction, error: unknown): Promise<void> {
    const { now, random, log } = this.#options;
    const next = this.#share.onFailed(transaction, error);
    if (next === 'drop') await this.#drop(transaction);
    // A smaller transaction is another try, not the next one of the same.
    const failures = next === 'repeat' ? (this.#backoff?.failures ?? 0) + 1 : 1;
    const waitMs = Math.ceil(Math.max(backoffMs(failures, random()), askedMs(error)));
    const fields = { destination: this.#destination, failures, waitMs, error: String(error) };
    log?.debug(fields, 'transaction not sent');
    this.#around.onOutcome(false);
    this.#ephemerals.clear();
    const failingSince = this.#backoff?.failingSince ?? now();
    await this.#setBackoff({ failures, retryAt: now() + waitMs, failingSince });
    if (next !== 'repeat' || this.#isCatchingUp()) this.#transaction = undefined;
    if (this.#isCatchingUp()) await this.#thinOut(now() - failingSince);
  }

  /** A server that is gone for good must not fill our disk; the rest of its rooms' events is not sent any more anyway. */
  async #thinOut(failingMs: number): Promise<void> {
    const { store } = this.#options;
    await store.forgetSuperseded(this.#destination);
    if (failingMs >= limits.outboundEdusKeptMs) await store.forgetEdus(this.#destination);
  }

  /** What the peer refuses and refused before, while it takes others. */
  async #drop({ positions, eduIds, content }: Transaction): Promise<void> {
    const { log, store } = this.#options;
    const edus = Array.isArray(content['edus']) ? content['edus'] : [];
    const types = edus.map((edu) => (isObject(edu) ? edu['edu_type'] : undefined));
    const fields = { destination: this.#destination, positions, eduIds, types };
    log?.warn(fields, 'the peer refuses this each time: it is not sent');
    await store.confirmed(this.#destination, positions, eduIds);
  }
}
