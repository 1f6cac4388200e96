import { limits } from '@candor/spec';
import type { JsonObject } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import { buildTransaction, type Transaction } from './build-transaction.ts';
import type { Backoff, DestinationStore } from './destination-store.ts';
import { createEphemeralQueue } from './ephemeral-queue.ts';
import type { PeerClient } from './peer-client.ts';
import { PeerError } from './peer-error.ts';
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

export type Lane = {
  /** There may be something to send. */
  wake(): void;
  ephemeral(edu: JsonObject): void;
  /** The server has just reached us, so it may be worth trying before the back-off ends. */
  contact(): void;
  /** Starts nothing new; resolves when what is under way has ended. */
  stop(): Promise<void>;
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

/** The way to one destination: one transaction under way at a time, repeated as it is until the peer has it. */
// https://spec.matrix.org/v1.19/server-server-api/#transactions
export const createLane = (
  destination: string,
  options: LaneOptions,
  around: LaneSurroundings,
): Lane => {
  const { store, now, log } = options;
  const ephemerals = createEphemeralQueue(now);
  let backoff: Backoff | undefined;
  let isBackoffLoaded = false;
  let transaction: Transaction | undefined;
  let hasMoreToCatchUp = false;
  let running: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let hasNews = false;
  let isStopped = false;
  let contactTriedAt = Number.NEGATIVE_INFINITY;

  const isCatchingUp = (): boolean =>
    backoff !== undefined && now() - backoff.failingSince >= limits.catchUpAfterMs;

  const setBackoff = async (next: Backoff | undefined): Promise<void> => {
    backoff = next;
    await store.saveBackoff(destination, next);
  };

  const nextTransaction = async (): Promise<Transaction | undefined> => {
    // After a long failure the peer gets each room's latest event and fetches what it wants before it.
    const catchingUp = isCatchingUp();
    const pdus = catchingUp
      ? await store.latestPdus(destination, limits.transactionPdusMax)
      : await store.pendingPdus(destination, limits.transactionPdusMax);
    hasMoreToCatchUp = catchingUp && pdus.length === limits.transactionPdusMax;
    const edus = await store.pendingEdus(destination, limits.transactionEdusMax);
    return buildTransaction({
      origin: options.serverName,
      now: now(),
      pdus,
      edus,
      ephemerals: ephemerals.take(limits.transactionEdusMax - edus.length),
    });
  };

  const send = async ({ txnId, content }: Transaction): Promise<Outcome> => {
    if (isStopped) return { sent: false, error: undefined };
    try {
      const { body } = await options.client.request({
        destination,
        method: 'PUT',
        path: `/_matrix/federation/v1/send/${txnId}`,
        content,
        maxBytes: limits.requestBodyBytesMax,
      });
      const refused = countRefused(body);
      if (refused > 0) log?.debug({ destination, txnId, refused }, 'the peer refused PDUs');
      return { sent: true };
    } catch (error) {
      return { sent: false, error };
    }
  };

  const succeed = async ({ upToPosition, eduIds }: Transaction): Promise<void> => {
    around.onOutcome(true);
    await store.confirmed(destination, upToPosition, eduIds);
    transaction = undefined;
    if (backoff === undefined) return;
    if (!hasMoreToCatchUp) await setBackoff(undefined);
    else if (backoff.failures > 0) await setBackoff({ ...backoff, failures: 0, retryAt: 0 });
  };

  const fail = async (error: unknown): Promise<void> => {
    const failures = (backoff?.failures ?? 0) + 1;
    const waitMs = Math.max(backoffMs(failures, options.random()), askedMs(error));
    log?.debug({ destination, failures, waitMs, error: String(error) }, 'transaction not sent');
    around.onOutcome(false);
    ephemerals.clear();
    const failingSince = backoff?.failingSince ?? now();
    await setBackoff({ failures, retryAt: now() + waitMs, failingSince });
    if (isCatchingUp()) transaction = undefined;
  };

  const sleep = (ms: number): void => {
    if (isStopped) return;
    cancelTimer = options.setTimer(() => {
      cancelTimer = undefined;
      start();
    }, ms);
  };

  const run = async (): Promise<void> => {
    if (!isBackoffLoaded) backoff = await store.backoff(destination);
    isBackoffLoaded = true;
    while (!isStopped) {
      hasNews = false;
      if (backoff !== undefined && backoff.retryAt > now()) {
        sleep(backoff.retryAt - now());
        return;
      }
      transaction ??= await nextTransaction();
      if (transaction === undefined) {
        if (backoff !== undefined) await setBackoff(undefined);
        if (hasNews) continue;
        return;
      }
      const current = transaction;
      const outcome = await around.dial(() => send(current));
      if (outcome.sent) await succeed(current);
      else if (!isStopped) await fail(outcome.error);
    }
  };

  const start = (): void => {
    running ??= run()
      .catch((error: unknown) => {
        log?.warn({ destination, error: String(error) }, 'the store of outbound work failed');
        sleep(limits.storeRetryMs);
      })
      .finally(() => {
        running = undefined;
        if (isStopped || cancelTimer !== undefined) return;
        if (hasNews) start();
        else around.onIdle();
      });
  };

  const wake = (): void => {
    // Asleep it will look for work anyway.
    if (isStopped || cancelTimer !== undefined) return;
    hasNews = true;
    start();
  };

  return {
    wake,
    ephemeral: (edu) => {
      if (backoff !== undefined) return;
      ephemerals.add(edu);
      wake();
    },
    contact: () => {
      if (cancelTimer === undefined || backoff === undefined) return;
      if (now() - contactTriedAt < limits.contactRetryMsMin) return;
      contactTriedAt = now();
      backoff = { ...backoff, retryAt: now() };
      cancelTimer();
      cancelTimer = undefined;
      start();
    },
    stop: async () => {
      isStopped = true;
      cancelTimer?.();
      cancelTimer = undefined;
      await running;
    },
  };
};
